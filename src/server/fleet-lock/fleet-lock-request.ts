import type { IncomingMessage } from 'node:http';
import { isRebootGroupName } from '../../recipes/index.js';
import { LIMITS, toBytes, toText } from '../../store/index.js';

/** The header that every request of the protocol carries, so that no stray request is one. */
const PROTOCOL_HEADER = 'fleet-lock-protocol';

/** Who asks. The first two are the protocol's; the others are ours, and optional. */
export interface FleetLockClient {
  readonly id: string;
  readonly group: string;
  /** The boot id of the machine now: it tells a reboot from a restart of the agent. */
  readonly bootId: string | undefined;
  readonly zone: string | undefined;
  readonly reason: string | undefined;
}

/** An answer that is no success: a small word for metrics, and a sentence for people. */
export interface FleetLockRefusal {
  readonly status: number;
  readonly kind: string;
  readonly value: string;
}

/** A request that cannot be served as it is. */
export class FleetLockRequestError extends Error {
  readonly refusal: FleetLockRefusal;

  constructor(status: number, kind: string, value: string) {
    super(value);
    this.name = 'FleetLockRequestError';
    this.refusal = { status, kind, value };
  }
}

/**
 * Reads a request of the FleetLock protocol. The body is JSON whatever its content type says:
 * Zincati sends none, and curl sends that of a form.
 * @throws FleetLockRequestError with what is wrong and what would be right
 */
export async function readFleetLockRequest(request: IncomingMessage): Promise<FleetLockClient> {
  if (request.method !== 'POST') {
    const value = `${request.method ?? 'this method'} is not possible here: use POST`;
    throw new FleetLockRequestError(405, 'invalid_request', value);
  }
  if (request.headers[PROTOCOL_HEADER] !== 'true') {
    const value = `the header "${PROTOCOL_HEADER}: true" is missing`;
    throw new FleetLockRequestError(400, 'invalid_request', value);
  }
  return parseClient(await readBody(request));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LIMITS.fleetLockBodyBytes) {
      const value = `the body has more than ${LIMITS.fleetLockBodyBytes} bytes`;
      throw new FleetLockRequestError(413, 'invalid_request', value);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    // Read all the same, two machines whose names differ in such bytes would be one.
    throw invalid('the body is not UTF-8');
  }
}

function parseClient(body: string): FleetLockClient {
  const form = '{"client_params": {"id": "...", "group": "..."}}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw invalid(`the body is not JSON; it should be ${form}`);
  }
  const params = fieldsOf(parsed)?.['client_params'];
  const fields = fieldsOf(params);
  if (fields === undefined) throw invalid(`the body has no object client_params: ${form}`);
  const { id, group } = fields;
  if (typeof id !== 'string' || id === '') {
    throw invalid('client_params.id is not a text, or is empty');
  }
  if (id.length > LIMITS.fleetLockTextCharacters) {
    throw invalid(`client_params.id has more than ${LIMITS.fleetLockTextCharacters} characters`);
  }
  if (!isExact(id)) throw invalid(`client_params.id ${JSON.stringify(id)} ${INEXACT}`);
  if (typeof group !== 'string' || !isRebootGroupName(group)) {
    throw invalid(
      `client_params.group ${JSON.stringify(group)} is not made of letters, digits, "." and "-"`,
    );
  }
  if (group.length > LIMITS.fleetLockTextCharacters) {
    throw invalid(`client_params.group has more than ${LIMITS.fleetLockTextCharacters} characters`);
  }
  return {
    id,
    group,
    bootId: optionalText(fields, 'boot_id'),
    zone: optionalText(fields, 'zone'),
    reason: optionalText(fields, 'reason'),
  };
}

function optionalText(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > LIMITS.fleetLockTextCharacters) {
    throw invalid(`client_params.${name} is not a short text`);
  }
  if (!isExact(value)) throw invalid(`client_params.${name} ${JSON.stringify(value)} ${INEXACT}`);
  return value;
}

const INEXACT = 'has half of a pair of surrogates, or begins with a byte order mark';

/** Whether a text comes back from its bytes: two that do not can be the same in the store. */
function isExact(text: string): boolean {
  return toText(toBytes(text)) === text;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}

function invalid(value: string): FleetLockRequestError {
  return new FleetLockRequestError(400, 'invalid_request', value);
}

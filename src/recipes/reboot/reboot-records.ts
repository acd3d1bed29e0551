import { type KeyValue, toText } from '../../store/index.js';
import { type JsonValue, parseObject } from '../base/note.js';
import type {
  RebootHold,
  RebootLogEntry,
  RebootLogKind,
  RebootNote,
  RebootPhase,
} from './reboot-status.js';

/**
 * The values of a group's keys, to text and back. Reading never fails: what makes no sense reads as
 * empty, and in a slot as one that was granted and has no time limit.
 */

/** What a slot says of itself, whatever became of it since. */
export interface SlotRecord extends RebootNote {
  readonly phase: RebootPhase;
  readonly phaseSinceMs: number | undefined;
  /**
   * Seconds that the phase may take; 0: no limit. With one, a missing `due` key says it is over.
   */
  readonly dueSeconds: number;
  readonly forced: boolean;
}

/** What an entry of the audit trail says, before it has a place in it. */
export interface LogNote {
  readonly kind: RebootLogKind;
  readonly node: string;
  readonly by: string;
  readonly reason: string;
}

const PHASES: readonly RebootPhase[] = ['granted', 'rebooting', 'soaking', 'stuck'];
const LOG_KINDS: readonly RebootLogKind[] = [
  'granted',
  'forced',
  'rebooting',
  'soaking',
  'released',
  'stuck',
  'held',
  'unheld',
  'policy',
  'paused',
  'resumed',
  'forgotten',
];

/** The value of an entry in line. */
export function encodeNote({ sinceMs, by, reason, bootId, zone }: RebootNote): string {
  return JSON.stringify({ sinceMs, by, reason, bootId, zone });
}

export function decodeNote(kv: KeyValue): RebootNote {
  return noteOf(fieldsOf(kv));
}

/** The value of a slot. */
export function encodeSlot(slot: SlotRecord): string {
  const { phase, sinceMs, phaseSinceMs, by, reason, bootId, zone, dueSeconds, forced } = slot;
  return JSON.stringify({
    phase,
    sinceMs,
    phaseSinceMs,
    by,
    reason,
    bootId,
    zone,
    dueSeconds,
    forced,
  });
}

export function decodeSlot(kv: KeyValue): SlotRecord {
  const fields = fieldsOf(kv);
  const { phase, phaseSinceMs, dueSeconds, forced } = fields;
  const note = noteOf(fields);
  return {
    ...note,
    phase: PHASES.find((known) => known === phase) ?? 'granted',
    phaseSinceMs: numberOf(phaseSinceMs) ?? note.sinceMs,
    dueSeconds: numberOf(dueSeconds) ?? 0,
    forced: forced === true,
  };
}

/** The value of a hold. */
export function encodeHold({ scope, node, by, reason, sinceMs, untilMs }: RebootHold): string {
  return JSON.stringify({ scope, node, by, reason, sinceMs, untilMs });
}

/** A hold that says nothing clear holds the whole group: somebody wanted something held. */
export function decodeHold(id: string, kv: KeyValue): RebootHold {
  const { scope, node, by, reason, sinceMs, untilMs } = fieldsOf(kv);
  return {
    id,
    scope: scope === 'node' ? 'node' : 'group',
    node: textOf(node),
    by: textOf(by),
    reason: textOf(reason),
    sinceMs: numberOf(sinceMs),
    untilMs: numberOf(untilMs),
  };
}

/** The value of a known node. */
export function encodeNode(zone: string): string {
  return JSON.stringify({ zone });
}

export function zoneOf(kv: KeyValue): string {
  return textOf(fieldsOf(kv)['zone']);
}

/** The value of a cooldown. */
export function encodeCooldown(untilMs: number): string {
  return JSON.stringify({ untilMs });
}

export function cooldownUntil(kv: KeyValue): number | undefined {
  return numberOf(fieldsOf(kv)['untilMs']);
}

/** The value of an entry of the audit trail; the nonce tells the writer its own. */
export function encodeLog(
  { kind, node, by, reason }: LogNote,
  atMs: number,
  nonce: string,
): string {
  return JSON.stringify({ kind, node, by, reason, atMs, nonce });
}

export function decodeLog(sequence: number, kv: KeyValue): RebootLogEntry {
  const { kind, node, by, reason, atMs } = fieldsOf(kv);
  return {
    sequence,
    revision: kv.modRevision,
    kind: LOG_KINDS.find((known) => known === kind) ?? 'unknown',
    node: textOf(node),
    by: textOf(by),
    reason: textOf(reason),
    atMs: numberOf(atMs),
  };
}

export function nonceOf(kv: KeyValue): string {
  return textOf(fieldsOf(kv)['nonce']);
}

type Fields = { readonly [field: string]: JsonValue | undefined };

function fieldsOf(kv: KeyValue): Fields {
  return parseObject(toText(kv.value));
}

function noteOf({ sinceMs, by, reason, bootId, zone }: Fields): RebootNote {
  return {
    sinceMs: numberOf(sinceMs),
    by: textOf(by),
    reason: textOf(reason),
    bootId: textOf(bootId),
    zone: textOf(zone),
  };
}

function textOf(field: JsonValue | undefined): string {
  return typeof field === 'string' ? field : '';
}

function numberOf(field: JsonValue | undefined): number | undefined {
  return typeof field === 'number' ? field : undefined;
}

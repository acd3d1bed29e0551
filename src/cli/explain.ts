import type { Command } from 'commander';
import { explainKey, explainValue, type KeyExplanation } from '../recipes/index.js';
import type { KeyValue } from '../store/index.js';
import { EXIT_CODE } from './exit-code.js';
import { failureOf } from './failure.js';
import type { JsonRecord } from './json-record.js';
import { sinceText } from './since-text.js';
import { type CommandRun, type CommonOptions, runCommand, storeCommand } from './store-command.js';

/** What the store has under the key: nothing is known of it when no server answers. */
type Now = { readonly revision: number; readonly kv: KeyValue | undefined } | undefined;

const EXAMPLES = `  $ tidelock explain jobs/nightly/@broken
  $ tidelock get --prefix jobs/nightly/ --keys-only | xargs -n1 tidelock explain
  $ tidelock explain reboot/racks/policy -w json | jq .now.value
`;

/** Adds `explain`: which recipe a key belongs to, what it means, and what it says now. */
export function registerExplain(program: Command): void {
  storeCommand(program, 'explain', 'Say what a key of a recipe means.', EXAMPLES)
    .argument('<key>')
    .action((key: string, options: CommonOptions) =>
      runCommand(options, async (run) => {
        const { output } = run;
        const explained = explainKey(key);
        if (explained === undefined) {
          output.remark(`"${key}" is no key of a recipe; docs/recipes/ has their layouts`);
          return EXIT_CODE.notAcquired;
        }
        const now = await readNow(key, run);
        output.write(toRecord(explained, now), () => toLines(explained, now));
        return EXIT_CODE.done;
      }),
    );
}

/** A key can be explained without a server, so one that does not answer is no failure. */
async function readNow(key: string, run: CommandRun): Promise<Now> {
  const { endpoints, interrupt, connectTimeoutMs: timeoutMs, output } = run;
  let timer: NodeJS.Timeout | undefined;
  try {
    const { connect } = await import('../client/index.js');
    await using store = await connect(endpoints, { timeoutMs, signal: interrupt.signal });
    // A timeout that only `AbortSignal.any` knows may be collected before its time.
    const late = new AbortController();
    timer = setTimeout(() => late.abort(), timeoutMs);
    const signal = AbortSignal.any([interrupt.signal, late.signal]);
    const read = await store.range({ key }, { signal });
    return { revision: read.header.revision, kv: read.kvs[0] };
  } catch (error) {
    interrupt.signal.throwIfAborted();
    const { exitCode } = await failureOf(error, endpoints);
    if (exitCode !== EXIT_CODE.unavailable) throw error;
    output.remark(`no server answers at ${endpoints}: what the key says now is not known`);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function toRecord(explained: KeyExplanation, now: Now): JsonRecord {
  const { parts, ...rest } = explained;
  return {
    revision: now?.revision ?? null,
    ...rest,
    parts: Object.fromEntries(parts.map(({ name, value }) => [name, value])),
    now: nowRecord(now?.kv),
  };
}

function nowRecord(kv: KeyValue | undefined): JsonRecord[string] {
  if (kv === undefined) return null;
  const { createRevision, modRevision, version } = kv;
  const lease = kv.lease === 0n ? null : kv.lease.toString(16);
  return { value: explainValue(kv.value), createRevision, modRevision, version, lease };
}

function toLines(explained: KeyExplanation, now: Now): readonly string[] {
  const { recipe, version, pattern, parts, meaning, value, lease } = explained;
  const width = Math.max(0, ...parts.map(({ name }) => name.length));
  return [
    meaning,
    `  recipe ${recipe}, key layout version ${version}: ${pattern}`,
    ...parts.map((part) => `  ${part.name.padEnd(width)}  ${part.value}`),
    `  value: ${value}`,
    `  lease: ${lease}`,
    ...nowLines(now),
  ];
}

function nowLines(now: Now): readonly string[] {
  if (now === undefined) return [];
  const { kv, revision } = now;
  if (kv === undefined) return [`now, at revision ${revision}: there is no such key`];
  const said = explainValue(kv.value);
  const text = typeof said === 'string' ? JSON.stringify(said) : JSON.stringify(said, undefined, 1);
  const flat = text.replaceAll(/\n\s*/g, ' ');
  const attached = kv.lease === 0n ? 'no lease' : `lease ${kv.lease.toString(16)}`;
  return [
    `now, at revision ${revision}: ${flat}${writtenAt(said)}`,
    `  created at revision ${kv.createRevision}, changed at ${kv.modRevision}, ${attached}`,
  ];
}

/** The time that a note has in milliseconds, for a person. */
function writtenAt(said: ReturnType<typeof explainValue>): string {
  if (typeof said !== 'object' || said === null || !('sinceMs' in said)) return '';
  const { sinceMs } = said;
  return typeof sinceMs === 'number' ? `,${sinceText(sinceMs)}` : '';
}

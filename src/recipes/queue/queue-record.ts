import { type KeyValue, toText } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import { type JsonValue, parseObject } from '../base/note.js';

/**
 * The values of a queue's keys. What another program wrote wrongly reads as the mildest thing that
 * it could mean, so that one bad message does not stop a queue.
 */

/** What was sent. */
export interface MessageBody {
  readonly value: JsonValue;
  /** Who sent it. */
  readonly identity: string;
  /** Wall-clock milliseconds of the sender. */
  readonly sinceMs: number | undefined;
  /** By which a sender recognises its own message. */
  readonly nonce: string;
}

/** A message that was given up. */
export interface DeadRecord {
  readonly attempts: number;
  readonly priority: number;
  /** Why, in the words of whoever gave it up. */
  readonly reason: string;
  /** Who gave it up. */
  readonly identity: string;
  readonly sinceMs: number | undefined;
}

export function encodeBody(context: RecipeContext, value: JsonValue, nonce: string): string {
  const { identity, store } = context;
  return JSON.stringify({ identity, sinceMs: store.clock.wall(), value, nonce });
}

export function decodeBody(kv: KeyValue): MessageBody {
  const { value, identity, sinceMs, nonce } = parseObject(toText(kv.value));
  return {
    value: value ?? null,
    identity: asText(identity),
    sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
    nonce: asText(nonce),
  };
}

export function encodeReady(attempts: number): string {
  return JSON.stringify({ attempts });
}

export function decodeReady(kv: KeyValue): number {
  return asCount(parseObject(toText(kv.value))['attempts']);
}

export function encodeDelayed(attempts: number, priority: number): string {
  return JSON.stringify({ attempts, priority });
}

export function decodeDelayed(kv: KeyValue): { attempts: number; priority: number } {
  const { attempts, priority } = parseObject(toText(kv.value));
  return { attempts: asCount(attempts), priority: asCount(priority) };
}

export function encodeDead(
  { identity, store }: RecipeContext,
  record: Omit<DeadRecord, 'identity' | 'sinceMs'>,
): string {
  return JSON.stringify({ identity, sinceMs: store.clock.wall(), ...record });
}

export function decodeDead(kv: KeyValue): DeadRecord {
  const { attempts, priority, reason, identity, sinceMs } = parseObject(toText(kv.value));
  return {
    attempts: asCount(attempts),
    priority: asCount(priority),
    reason: asText(reason),
    identity: asText(identity),
    sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
  };
}

/** The last segment of a key. */
export function idOf(kv: KeyValue): string {
  const key = toText(kv.key);
  return key.slice(key.lastIndexOf('/') + 1);
}

function asText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function asCount(value: JsonValue | undefined): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 0;
}

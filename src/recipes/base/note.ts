import { toText } from '../../store/index.js';
import type { RecipeContext } from './context.js';

/** A value that JSON can carry. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What an owner tells others about itself. */
export type Metadata = { readonly [key: string]: JsonValue };

/** The value of a queue entry: for people, never for decisions. */
export interface Note {
  readonly identity: string;
  /** Wall-clock milliseconds of whoever wrote it. */
  readonly sinceMs: number | undefined;
  readonly metadata: Metadata;
}

export function encodeNote(context: RecipeContext, metadata?: Metadata): string {
  const identity = JSON.stringify(context.identity);
  const sinceMs = JSON.stringify(context.store.clock.wall());
  const more = metadata === undefined ? '{}' : JSON.stringify(metadata);
  return `{"identity":${identity},"sinceMs":${sinceMs},"metadata":${more}}`;
}

/** Reads a note; what is not one, such as a key written by another program, gives an empty one. */
export function decodeNote(value: Uint8Array): Note {
  const parsed = parseObject(toText(value));
  const { identity, sinceMs, metadata } = parsed;
  return {
    identity: typeof identity === 'string' ? identity : '',
    sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
    metadata: isObject(metadata) ? metadata : {},
  };
}

/** The JSON object that a text is; an empty one when it is none. */
export function parseObject(text: string): { readonly [key: string]: JsonValue | undefined } {
  try {
    const parsed = JSON.parse(text) as JsonValue;
    return isObject(parsed) ? parsed : {};
  } catch {
    // Values are written by people and by other programs too; a bad one says nothing.
    return {};
  }
}

function isObject(value: JsonValue | undefined): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

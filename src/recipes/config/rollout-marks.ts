import {
  type KeyValue,
  prefix,
  toText,
  type TxnOperation,
  type TxnOperationResult,
} from '../../store/index.js';
import { parseObject } from '../base/note.js';
import { rangeOf } from '../base/queue-place.js';
import { partOf, stateId } from './config-source.js';
import { rolloutPrefix } from './side-keys.js';

/** Why an instance counts as failed with a state of the configuration. */
export type RolloutFailureKind =
  /** Its handler threw, or it did not become healthy. */
  | 'failed'
  /** Its schema or check does not accept the state. */
  | 'refused'
  /** Its process or its session ended while it was at it. */
  | 'crashed';

/** An instance that counts as failed with a state of the configuration. */
export interface RolloutFailure {
  readonly instance: string;
  readonly kind: RolloutFailureKind;
  readonly message: string;
  /** Wall-clock milliseconds of the instance. */
  readonly sinceMs: number;
}

/** What an instance has noted about itself. */
export interface RolloutMark {
  /** The state of the configuration that it is about. */
  readonly stateId: string;
  readonly revision: number;
  readonly message: string;
  readonly sinceMs: number;
  /** Tells one attempt from another. */
  readonly attempt: string;
}

/** The four notes that an instance may have, and the leased key that says that it is at work. */
export const MARK_KINDS = ['trying', 'live', 'failed', 'refused', 'done'] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

/** The keys of one instance in the rollout of one configuration. */
export class RolloutKeys {
  readonly instance: string;
  readonly #config: string;
  readonly #prefix: string;

  constructor(configPrefix: string, instance: string) {
    this.#config = configPrefix;
    this.#prefix = rolloutPrefix(configPrefix);
    this.instance = instance;
  }

  key(kind: MarkKind): string {
    return this.#prefix + kind + '/' + this.instance;
  }

  prefixOf(kind: MarkKind): string {
    return `${this.#prefix}${kind}/`;
  }

  /**
   * Reads what a decision needs: the notes, for {@link readBook}, and last the names of the
   * settings, for {@link RolloutKeys.stateOf}.
   */
  reading(): readonly TxnOperation[] {
    return [
      ...MARK_KINDS.filter((kind) => kind !== 'done').map(
        (kind): TxnOperation => ({ kind: 'range', ...prefix(this.prefixOf(kind)) }),
      ),
      { kind: 'range', key: this.key('done') },
      { kind: 'range', ...prefix(this.#config), keysOnly: true },
    ];
  }

  /** Names the state of the configuration that was read; empty when it has no keys. */
  stateOf(responses: readonly TxnOperationResult[]): string {
    const kvs = rangeOf(responses[MARK_KINDS.length]) ?? [];
    const name = (kv: KeyValue): string => toText(kv.key).slice(this.#config.length);
    const entries = new Map(kvs.map((kv) => [name(kv), kv]));
    const part = partOf(this.#config, { revision: 0, entries });
    return part.entries.size === 0 ? '' : stateId({ revision: 0, parts: [part] });
  }
}

/** The notes of all instances, by kind and instance; of `done` perhaps only the own one. */
export type RolloutBook = ReadonlyMap<MarkKind, ReadonlyMap<string, KeyValue>>;

/** The book, out of the answers to `RolloutKeys.reading`. */
export function readBook(keys: RolloutKeys, responses: readonly TxnOperationResult[]): RolloutBook {
  return new Map(
    MARK_KINDS.map((kind, at) => {
      const kvs = rangeOf(responses[at]) ?? [];
      const name = (kv: KeyValue): string => toText(kv.key).slice(keys.prefixOf(kind).length);
      return [kind, new Map(kvs.map((kv) => [name(kv), kv]))];
    }),
  );
}

/** The book, out of everything under the prefix of the rollout. */
export function bookOf(entries: ReadonlyMap<string, KeyValue>): RolloutBook {
  const book = new Map(MARK_KINDS.map((kind) => [kind, new Map<string, KeyValue>()]));
  for (const [name, kv] of entries) {
    const [kind = '', ...rest] = name.split('/');
    book.get(kind as MarkKind)?.set(rest.join('/'), kv);
  }
  return book;
}

export function encodeMark(mark: RolloutMark): string {
  return JSON.stringify(mark);
}

export function decodeMark(value: Uint8Array): RolloutMark {
  const { stateId, revision, message, sinceMs, attempt } = parseObject(toText(value));
  return {
    stateId: typeof stateId === 'string' ? stateId : '',
    revision: typeof revision === 'number' ? revision : 0,
    message: typeof message === 'string' ? message : '',
    sinceMs: typeof sinceMs === 'number' ? sinceMs : 0,
    attempt: typeof attempt === 'string' ? attempt : '',
  };
}

/** Whom a kind of note is of that is about one state. */
export function marksOf(
  book: RolloutBook,
  kind: MarkKind,
  stateId: string,
): ReadonlyMap<string, RolloutMark> {
  const marks = [...(book.get(kind) ?? [])].map(
    ([instance, kv]) => [instance, decodeMark(kv.value)] as const,
  );
  return new Map(marks.filter(([, mark]) => mark.stateId === stateId));
}

/**
 * Who has failed with a state, each instance once: those who say so, those who refused it, and
 * those who said that they are at it and are not there any more.
 */
export function failuresOf(book: RolloutBook, stateId: string): readonly RolloutFailure[] {
  const failures = new Map<string, RolloutFailure>();
  const add = (instance: string, kind: RolloutFailureKind, mark: RolloutMark): void => {
    const { message, sinceMs } = mark;
    failures.set(instance, { instance, kind, message, sinceMs });
  };
  for (const [instance, mark] of marksOf(book, 'trying', stateId)) {
    if (book.get('live')?.has(instance) === true) continue;
    add(instance, 'crashed', { ...mark, message: 'it ended while it applied the value' });
  }
  for (const [instance, mark] of marksOf(book, 'refused', stateId)) add(instance, 'refused', mark);
  for (const [instance, mark] of marksOf(book, 'failed', stateId)) add(instance, 'failed', mark);
  return [...failures.values()].toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
}

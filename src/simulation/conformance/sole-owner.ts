import type { WaitOptions } from '../../recipes/index.js';
import type { ModelClient } from '../model/model-world.js';

/** Something that is owned by one at a time, in the hands of its owner. */
export interface OwnedThing {
  /** What grows with every owner; undefined where the recipe has no such number. */
  readonly fence: number | undefined;
  /** Aborted before anybody else can own it. */
  readonly signal: AbortSignal;
  /** Throws when it is not owned at this moment. */
  readonly assertHeld: () => void;
  /** Rejects when it had been lost before. */
  readonly release: () => Promise<unknown>;
}

/**
 * A recipe that has one owner at a time, of one and the same thing whoever asks: what the suite of
 * {@link soleOwnerCases} has to know of it.
 */
export interface SoleOwnerRecipe<Client = ModelClient> {
  readonly name: string;
  /** What the world needs before anybody takes: a limit, a message. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** Waits until the thing is the client's own, as long as the options let it. */
  readonly take: (client: Client, options?: WaitOptions) => Promise<OwnedThing>;
  /** Which of all keys are those of owners and waiters; none when nobody holds or waits. */
  readonly ownKeys: (keys: readonly string[]) => readonly string[];
  /** Most watch events and most calls that one hand-over may cost, whole crowd included. */
  readonly handOver: { readonly events: number; readonly calls: number };
  /** The largest crowd that is counted; default: that of the options. */
  readonly crowdMax?: number;
}

import type { OpenStream } from './service-parts.js';

export interface LeaderGuardOptions {
  readonly view: { readonly hasLeader: boolean };
  readonly electionMs: number;
  readonly streams: ReadonlySet<OpenStream>;
}

/** etcd's: streams are worth more than calls, so they outlast an election or two. */
const LOOKS_WITHOUT_LEADER = 3;

/**
 * Ends the streams of clients that insist on a leader when the member has known none for three
 * election timeouts: they find a better member, instead of waiting for events that cannot come. It
 * looks once each election timeout, as etcd does, so that a member which was paused gets the time
 * to hear of its leader before anybody is sent away.
 */
export class LeaderGuard {
  readonly #options: LeaderGuardOptions;
  readonly #timer: NodeJS.Timeout;
  #looksWithout = 0;

  constructor(options: LeaderGuardOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.electionMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { view, streams } = this.#options;
    this.#looksWithout = view.hasLeader ? 0 : this.#looksWithout + 1;
    if (this.#looksWithout < LOOKS_WITHOUT_LEADER) return;
    for (const stream of streams) stream.loseLeader?.();
  }
}

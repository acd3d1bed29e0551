import type { RaftConfig, RestoredState } from './config.js';
import type { Message } from './messages.js';
import type { ProposeResult, ReadResult, Ready } from './ready.js';
import {
  type ConfState,
  EMPTY_CONF_STATE,
  NOBODY,
  type RaftRole,
  type SnapshotMark,
} from './types.js';

export type { RaftConfig, RestoredState } from './config.js';

/** The Raft step machine: ticks and messages in, Ready out. (Signatures only, so far.) */
export class Raft {
  readonly id: bigint;

  constructor(config: RaftConfig, _restored: RestoredState) {
    this.id = config.id;
  }

  get term(): number {
    return 0;
  }
  get role(): RaftRole {
    return 'follower';
  }
  /** 0n when unknown. */
  get leader(): bigint {
    return NOBODY;
  }
  get committed(): number {
    return 0;
  }
  get applied(): number {
    return 0;
  }
  get lastIndex(): number {
    return 0;
  }
  get firstIndex(): number {
    return 1;
  }
  get confState(): ConfState {
    return EMPTY_CONF_STATE;
  }
  tick(): void {}
  campaign(): void {}
  step(_message: Message): void {}
  propose(_data: readonly Uint8Array[]): ProposeResult {
    return { accepted: false, reason: 'no-leader' };
  }
  requestRead(_context: number): ReadResult {
    return { accepted: false, reason: 'no-leader' };
  }
  immediateReadIndex(): number | undefined {
    return undefined;
  }
  hasReady(): boolean {
    return false;
  }
  ready(): Ready {
    throw new Error('nothing is ready');
  }
  advance(): void {}
  compactLog(_mark: SnapshotMark): void {}
}

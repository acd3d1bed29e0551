import type { Raft } from '../raft/raft.js';
import type { ReadIndexSource } from './reads.js';

/** The machine as reads see it: how far it is, and how to ask the leader. */
export function readSource(raft: Raft, applied: () => number): ReadIndexSource {
  return {
    get applied() {
      return applied();
    },
    immediateReadIndex: () => raft.immediateReadIndex(),
    requestRead: (context) => raft.requestRead(context),
  };
}

/**
 * Changes of the configuration as short text, which is also what their entries carry in raft tests:
 * `simple +4`, `joint-auto +4 ~5 -2` (4 to vote, 5 to learn, 2 to go), and nothing at all to leave
 * a joint configuration.
 */
import { LEAVE_JOINT } from '../../../src/kernel/raft/conf-change.js';
import type {
  ConfChange,
  ConfChangeStep,
  ConfState,
  Entry,
} from '../../../src/kernel/raft/types.js';

const KINDS = { '+': 'addVoter', '~': 'addLearner', '-': 'remove' } as const;

export function parseChange(text: string): ConfChange {
  const [transition, ...words] = text.split(' ');
  if (transition !== 'simple' && transition !== 'joint-auto' && transition !== 'joint-explicit') {
    return LEAVE_JOINT;
  }
  const steps = words.map((word): ConfChangeStep => {
    const kind = KINDS[word[0] as keyof typeof KINDS];
    return { kind, id: BigInt(word.slice(1)) };
  });
  return { transition, steps };
}

export function changeData({ steps, transition }: ConfChange): Uint8Array {
  if (steps.length === 0) return new Uint8Array(0);
  const signs = { addVoter: '+', addLearner: '~', remove: '-' } as const;
  const words = steps.map(({ kind, id }) => `${signs[kind]}${id}`);
  return new TextEncoder().encode([transition, ...words].join(' '));
}

export function changeOf(entry: Entry): ConfChange {
  return parseChange(new TextDecoder().decode(entry.data));
}

/** `1 2 3`, then what else there is: `& 1 2` outgoing, `~ 4` learners, `(2)` next learners. */
export function describeConf(conf: ConfState): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = conf;
  const parts = [voters.join(' ') || 'nobody'];
  if (votersOutgoing.length > 0) parts.push(`& ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`~ ${learners.join(' ')}`);
  if (learnersNext.length > 0) parts.push(`(${learnersNext.join(' ')})`);
  return parts.join(' ') + (autoLeave ? ' auto' : '');
}

/** What a simulated cluster begins with, and how likely each kind of event is in it. */
import type { RaftConfig } from '../../../src/kernel/raft/config.js';
import type { ConfState } from '../../../src/kernel/raft/types.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { confStateOf } from './member-disk.js';

/** In a thousand events, roughly. */
const LIKELIHOODS = {
  deliver: 400,
  work: 345,
  tick: 100,
  propose: 25,
  change: 15,
  read: 40,
  compact: 10,
  image: 8,
  campaign: 2,
  gone: 3,
  succeed: 6,
  transfer: 6,
  pause: 1,
  loseDisk: 1,
  retire: 2,
  partition: 3,
  crash: 3,
  start: 10,
};
export type EventKind = keyof typeof LIKELIHOODS;

export interface SimulatedSettings {
  readonly confState: ConfState;
  readonly config: Omit<RaftConfig, 'id'>;
  /** Each kind of event as often as it is likely. */
  readonly events: readonly EventKind[];
  /** Whether messages pass through their bytes. */
  readonly encoded: boolean;
}

export function randomSettings(random: SimRandom): SimulatedSettings {
  const oneOf = (choices: readonly number[]): number => choices[random.below(choices.length)] ?? 0;
  const likelihoods = {
    ...LIKELIHOODS,
    tick: oneOf([50, 100, 200]),
    change: oneOf([2, 15, 30]),
    partition: oneOf([1, 3]),
    crash: oneOf([1, 3]),
  };
  const jitter = random.split('jitter');
  return {
    confState: randomConf(random),
    config: {
      electionTicks: 4 + random.below(6),
      heartbeatTicks: 1,
      preVote: random.below(100) < 60,
      checkQuorum: random.below(100) < 60,
      maxMessageBytes: oneOf([1, 8, 1000]),
      maxInflightMessages: 1 + random.below(4),
      maxInflightBytes: 8 + random.below(50),
      maxUncommittedBytes: 20 + random.below(100),
      electionJitter: (bound) => jitter.below(bound),
    },
    events: (Object.keys(likelihoods) as EventKind[]).flatMap((kind) =>
      Array.from({ length: likelihoods[kind] }, () => kind),
    ),
    encoded: random.below(2) === 0,
  };
}

/** One to seven voters, two learners at times, and some that begin in a joint configuration. */
function randomConf(random: SimRandom): ConfState {
  const size = [3, 3, 3, 5, 5, 1, 2, 4, 6, 7][random.below(10)] ?? 3;
  const voters = Array.from({ length: size }, (_, position) => position + 1);
  const learners = size < 5 && random.below(100) < 40 ? [size + 1, size + 2] : [];
  const plain = confStateOf(voters, learners);
  const votersOutgoing = random.below(4) === 0 ? plain.voters.slice(0, 2) : [];
  const autoLeave = votersOutgoing.length > 0 && random.below(2) === 0;
  return { ...plain, votersOutgoing, autoLeave };
}

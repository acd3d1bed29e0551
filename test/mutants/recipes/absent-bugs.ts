// The bugs of other libraries that cannot be planted in the recipes, and why.

export interface AbsentBug {
  readonly bug: string;
  readonly precedent: string;
  readonly why: string;
}

export const ABSENT_BUGS: readonly AbsentBug[] = [
  {
    bug: 'a deposed leader ends leases that were renewed at the new one, or leases live on at each change of leader',
    precedent: 'etcd #12528, #15247, #9395, #9888',
    why: 'leases are kept by the store: those bugs are planted in the kernel, [mutants](mutants.md) 45 to 47',
  },
  {
    bug: 'a release that is tried again deletes a later acquisition of the same session',
    precedent: 'etcd #22082',
    why: 'each acquisition has a key of its own, with a number that nothing else has; with the lease as its name it is planted as `lock-by-lease`, and for elections and members, whose keys have fixed names, as `election-resigns-for-others` and `membership-leaves-for-others`',
  },
  {
    bug: 'a waiter reads again and again at the revision at which it began',
    precedent: 'etcd #6408',
    why: 'no waiter reads at a revision; the loop that it made is planted as `wait-hot-loop`',
  },
  {
    bug: 'two programs that lock the same name do not exclude each other',
    precedent: 'npm etcd3 #75',
    why: 'the layout of the keys is a contract with a version, in the page of each recipe',
  },
  {
    bug: 'two that hold a lock for reading wait for each other to become writers',
    precedent: 'parking_lot #21',
    why: 'nobody waits to become a writer: it is tried, and refused unless the reader is alone',
  },
  {
    bug: 'the first event of an observer says nothing',
    precedent: 'npm etcd3',
    why: 'a view begins with what was read, so that there is no event before there is a state',
  },
  {
    bug: 'the end of a leadership is reported to somebody who never led',
    precedent: 'client-go #1187',
    why: 'the signal belongs to a leadership, and there is none before there is a leader',
  },
  {
    bug: 'a campaign ends when a token of authentication runs out',
    precedent: 'etcd #17623',
    why: 'the client renews tokens, and a campaign goes on after every failure that may pass',
  },
  {
    bug: 'an acquisition sleeps for seconds when it lost a race',
    precedent: 'Consul #1006, #2767',
    why: 'who lost a race looks again after a backoff that begins with milliseconds; the calls of a hand-over are counted',
  },
  {
    bug: 'leaving a double barrier overflows the stack',
    precedent: 'etcd #14603',
    why: 'it is a loop',
  },
  {
    bug: 'a time-out is judged by comparing the clocks of two nodes, or by a sleep in memory',
    precedent: 'kured, ankhmorpork PR 1080',
    why: 'each time is a lease of the store, which outlives whoever waits for it',
  },
  {
    bug: 'the number of free slots goes below nothing when the limit shrinks',
    precedent: 'locksmith',
    why: 'there is no such number: slots are counted by their keys, and beyond the limit a group drains',
  },
  {
    bug: 'a lock that is released twice frees the next holder',
    precedent: 'asyncutil PR 31',
    why: 'the second release gets the answer of the first; without that it names its own key, which is gone',
  },
];

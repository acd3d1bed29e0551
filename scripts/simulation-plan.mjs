// What the check of the whole plays in the simulation: which scenarios, for how long, how busy, and
// which pairs of fault and state must come up. Most of it is long and quiet, because then an hour
// costs seconds; the rest is short and busy.

/** Long and quiet: minutes of simulated time with few calls. */
const LONG = [
  { scenario: 'swarm', seeds: 50, seconds: 600, callsPerSecond: 2 },
  { scenario: 'everything', seeds: 40, seconds: 600, callsPerSecond: 2 },
  { scenario: 'membership', seeds: 30, seconds: 600, callsPerSecond: 2 },
  { scenario: 'damage', seeds: 24, seconds: 600, callsPerSecond: 2 },
  { scenario: 'one', seeds: 10, seconds: 600, callsPerSecond: 3 },
  { scenario: 'five', seeds: 16, seconds: 600, callsPerSecond: 3 },
  { scenario: 'seven', seeds: 2, seconds: 300, callsPerSecond: 3 },
  { scenario: 'recipes', seeds: 16, seconds: 600, callsPerSecond: 2 },
  { scenario: 'elections', seeds: 10, seconds: 300, callsPerSecond: 3 },
  { scenario: 'shared', seeds: 3, seconds: 300 },
  { scenario: 'gatherers', seeds: 2, seconds: 300 },
];

/** Short and busy. */
const BUSY = [
  { scenario: 'calm', seeds: 2 },
  { scenario: 'swarm', seeds: 12 },
  { scenario: 'everything', seeds: 8 },
  { scenario: 'leases', seeds: 4 },
  { scenario: 'rivals', seeds: 4 },
  { scenario: 'shared', seeds: 6 },
  { scenario: 'sharers', seeds: 3 },
  { scenario: 'gatherers', seeds: 4 },
  { scenario: 'onlookers', seeds: 3 },
  { scenario: 'wardens', seeds: 4 },
];

/** Busy seeds have other numbers than quiet ones. */
const BUSY_FROM = 5001;
/** One member ends in every such call of its ports, up to this one. */
const CALL_STEP = 23;
const CALL_MAX = 900;

/** @param names every scenario there is */
export function ciPlan(names) {
  const items = [];
  for (const { seeds, ...rest } of LONG) {
    for (let seed = 1; seed <= seeds; seed++) items.push({ ...rest, seed });
  }
  for (const { seeds, ...rest } of BUSY) {
    for (let at = 0; at < seeds; at++) items.push({ ...rest, seed: BUSY_FROM + at });
  }
  const planned = new Set(items.map(({ scenario }) => scenario));
  for (const scenario of names) {
    if (!planned.has(scenario)) items.push({ scenario, seed: 1, seconds: 30 });
  }
  for (let call = 1, seed = 1; call <= CALL_MAX; call += CALL_STEP, seed++) {
    items.push({ scenario: `P7.${call}`, seed });
  }
  return items;
}

/** Faults that end a process. */
const CRASHES = ['P1', 'P2', 'P5', 'P7', 'D1', 'D17', 'N4b'];
/** What lasts for some milliseconds only must have met some fault, */
const SHORT = ['conf change pending', 'transfer under way'];
/** and what lasts longer a crash. */
const UNDER_WAY = ['snapshot in flight', 'compacting', 'catching up watch'];
const MORE = [
  'N4 x a learner',
  'N7 x leases',
  'P3 x catching up watch',
  'D2 x proposals',
  'D4 x leases',
  'D12 x leader',
  'D17 x snapshot in flight',
  'M1 x leader',
  'M9 x leader',
  'L4 x proposals',
  'T2 x leases',
  'T3 x leases',
  'C1 x catching up watch',
  'O7 x leader',
  'N2b x leader',
  'N7b x leases',
  'N10 x leader',
  'M8 x leader',
  'O4 x leases',
  'O5 x leases',
];

/** Each stands for the pairs of which one must have come up. */
export const REQUIRED = [
  ...SHORT.map((state) => ({
    name: `any fault x ${state}`,
    isMet: (pair) => pair.endsWith(state),
  })),
  ...UNDER_WAY.map((state) => ({
    name: `a crash x ${state}`,
    isMet: (pair) => CRASHES.some((fault) => pair === `${fault} x ${state}`),
  })),
  ...MORE.map((name) => ({ name, isMet: (pair) => pair === name })),
];

/** Required pairs that did not come up. */
export function missingPairs(counts) {
  const met = [...counts.keys()];
  return REQUIRED.filter(({ isMet }) => !met.some((pair) => isMet(pair))).map(({ name }) => name);
}

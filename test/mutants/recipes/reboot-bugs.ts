// Bugs of reboot coordinators that other tools shipped, and those that ours is one line away from.
import type { RecipeBug } from './recipe-bug.js';

const JUDGE = 'recipes/reboot/judge.js';
const GRANT = 'recipes/reboot/grant-attempt.js';
const WRITER = 'recipes/reboot/group-writer.js';
const REQUEST = 'recipes/reboot/reboot-request.js';
const VIEW = 'recipes/reboot/group-view.js';
const STEPS = 'recipes/reboot/node-steps.js';
const WAITING = 'reboot/waiting.test.js';
const PHASES = 'reboot/phases.test.js';
const LATE = 'reboot/late.test.js';

export const REBOOT_BUGS: readonly RecipeBug[] = [
  {
    id: 'reboot-window-before-wait',
    bug: 'the window is looked at before the wait, and not when the slot is taken',
    precedent: 'locksmith: coreos/bugs #1886',
    edits: [
      {
        file: REQUEST,
        find: "if (verdict.kind === 'refuse') return verdict;",
        replace:
          "if (verdict.kind === 'refuse' && !(mine !== undefined && verdict.rule === 'outside_window')) return verdict;",
      },
      {
        file: GRANT,
        find: "if (!now.isOpen) return this.#drop([...leases, pass.lease], 'again');",
        replace: '',
      },
    ],
    suite: WAITING,
    title: 'does not go when the window closed',
  },
  {
    id: 'reboot-late-grant',
    bug: 'a grant takes effect however late it arrives for its window',
    edits: [{ file: GRANT, find: 'more: this.#passes(pass),', replace: 'more: [],' }],
    suite: WAITING,
    title: 'late for the window',
  },
  {
    id: 'reboot-timeout-frees',
    bug: 'a slot whose time is up is free, and a bad image walks through the fleet',
    precedent: 'kured with a TTL, kube-hetzner #1182',
    edits: [
      {
        file: WRITER,
        find: "late.state === 'soaked'",
        replace: 'late.state !== null',
      },
    ],
    suite: PHASES,
    title: 'stops everybody beyond it',
  },
  {
    id: 'reboot-stuck-blocks',
    bug: 'a dead node blocks the fleet though the budget allows it',
    precedent: 'kured #137, #847',
    edits: [{ file: JUDGE, find: 'stuck.length <= failureBudget', replace: 'stuck.length === 0' }],
    suite: PHASES,
    title: 'lets others go on within the budget',
  },
  {
    id: 'reboot-clock-after-look',
    bug: 'a clock that runs out between the look and the grant is not noticed',
    edits: [{ file: GRANT, find: '...this.#clocksRun(view),', replace: '' }],
    suite: PHASES,
    title: 'between the look and the grant',
  },
  {
    id: 'reboot-restart',
    bug: 'an agent that only restarted gives the slot back',
    precedent: 'locksmith and airlock release when their agent starts',
    edits: [
      {
        file: STEPS,
        find: "const isSame = bootId !== '' && bootId === slot.record.bootId;",
        replace: 'const isSame = false;',
      },
    ],
    suite: PHASES,
    title: 'only restarted',
  },
  {
    id: 'reboot-hold-late',
    bug: 'a hold that comes between the look and the grant is not noticed',
    edits: [
      {
        file: GRANT,
        find: "{ ...prefix(holds), target: 'mod', operator: '<', operand: view.revision + 1 },",
        replace: '',
      },
    ],
    suite: WAITING,
    title: 'between the look and the grant',
  },
  {
    id: 'reboot-held-head',
    bug: 'a node that is held back holds up everybody behind it',
    edits: [{ file: JUDGE, find: '&& !isHeld(view, entry.node)', replace: '' }],
    suite: WAITING,
    title: 'lets others by',
  },
  {
    id: 'reboot-zone',
    bug: 'two machines of one zone go together',
    precedent: 'kured #193',
    edits: [
      {
        file: JUDGE,
        find: 'judgeZone(othersOf(takers(view), asker), policy, asker) ??',
        replace: '',
      },
    ],
    suite: WAITING,
    title: 'of one zone',
  },
  {
    id: 'reboot-frozen-limit',
    bug: 'the limit is the one of the first look',
    precedent: 'airlock #81',
    edits: [
      {
        file: JUDGE,
        find: 'const max = maxIn(view, view.nodes.has(asker.node) ? 0 : 1);',
        replace: 'const max = (globalThis.frozenMax ??= maxIn(view));',
      },
    ],
    suite: 'reboot/reboots.test.js',
    title: 'raising the limit',
  },
  {
    id: 'reboot-lost-answer-twice',
    bug: 'a step whose answer was lost happens twice',
    edits: [{ file: WRITER, find: 'nonceOf(found) === nonce;', replace: 'false;' }],
    suite: 'reboot/administration.test.js',
    title: 'happens once',
  },
  {
    id: 'reboot-poll-overtakes',
    bug: 'who polls passes by those who stand in line',
    edits: [{ file: JUDGE, find: 'judgeLine(view, policy, asker) ??', replace: '' }],
    suite: 'reboot/polling.test.js',
    title: 'does not pass by those who stand in line',
  },
  {
    id: 'reboot-leased',
    bug: 'a slot ends with the time that its node has, and nobody hears of it',
    precedent: 'kured with a TTL, ankhmorpork PR 1080',
    edits: [
      {
        file: WRITER,
        find: "{ kind: 'put', key: this.#keys.slots + node, value: encodeSlot(record) },",
        replace:
          "{ kind: 'put', key: this.#keys.slots + node, value: encodeSlot(record), lease: clock?.lease ?? 0n },",
      },
    ],
    suite: PHASES,
    title: 'is stuck and not free',
  },
  {
    id: 'reboot-not-again',
    bug: 'a node that has a slot is refused when it asks again',
    precedent: 'locksmith #58',
    edits: [
      {
        file: REQUEST,
        find: "if (slot !== undefined && slot.record.phase !== 'soaking') {",
        replace: 'if (slot === null) {',
      },
      {
        file: JUDGE,
        find: 'const taken = othersOf(takenIn(view), asker);',
        replace: 'const taken = takenIn(view);',
      },
    ],
    suite: 'reboot/reboots.test.js',
    title: 'gives it again to the same node',
  },
  {
    id: 'reboot-old-count',
    bug: 'a grant rests on a count that another grant has overtaken',
    precedent: 'airlock, which compares a version',
    edits: [
      {
        file: WRITER,
        find: 'compare: [unmoved, ...(step.compare ?? [])],',
        replace: 'compare: [...(step.compare ?? [])],',
      },
    ],
    suite: 'reboot/reboots.test.js',
    title: 'a lost answer to the grant takes one slot',
  },
  {
    id: 'reboot-frees-another',
    bug: 'a node that is steady frees the slot of another',
    precedent: 'what UnlockIfHeld forbids; poseidon/fleetlock PR 71',
    edits: [
      {
        file: STEPS,
        find: "let last = 'not-held'; const pick = sameSlot(node);",
        replace: "let last = 'not-held'; const pick = (view) => view.slots[0];",
      },
    ],
    suite: 'conformance/sharing.test.js',
    title: 'reboot slots one that has none gives none back',
  },
  {
    id: 'reboot-no-cooldown',
    bug: 'nodes go one right after the other',
    precedent: 'kured #277, #874',
    edits: [{ file: JUDGE, find: 'judgeCooldown(view) ??', replace: '' }],
    suite: PHASES,
    title: 'leaves a cooldown behind',
  },
  {
    id: 'reboot-midnight',
    bug: 'a window that goes past midnight ends there',
    precedent: 'kured #204',
    edits: [
      {
        file: 'recipes/reboot/reboot-window.js',
        find: 'const daysBefore = Math.ceil(lengthMinutes / DAY_MINUTES) + 1;',
        replace: 'const daysBefore = 0;',
      },
    ],
    suite: 'reboot/window.test.js',
    title: 'go past midnight',
  },
  {
    id: 'reboot-unsettled',
    bug: 'a grant that was asked for twice and refused is made when nobody is in the way any more',
    edits: [{ file: WRITER, find: 'unsure ? settling : request', replace: 'request' }],
    suite: LATE,
    title: 'told to stay',
  },
  {
    id: 'reboot-late-want',
    bug: 'who got a slot in another way is put in line by a late request, and stays there',
    edits: [
      {
        file: REQUEST,
        find: 'mine !== undefined || this.#isUnsure',
        replace: 'mine !== undefined',
      },
    ],
    suite: LATE,
    title: 'leaves nobody in line',
  },
  {
    id: 'reboot-late-steady',
    bug: 'a node that is back ends the slot that it took for the next reboot',
    edits: [{ file: VIEW, find: 'return isSame ? slot : undefined;', replace: 'return slot;' }],
    suite: LATE,
    title: 'ends no slot that the node took later',
  },
];

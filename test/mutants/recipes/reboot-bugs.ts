// Bugs of reboot coordinators that other tools shipped, and those that ours is one line away from.
import type { RecipeBug } from './recipe-bug.js';

const JUDGE = 'recipes/reboot/judge.js';
const GRANT = 'recipes/reboot/grant-attempt.js';
const WRITER = 'recipes/reboot/group-writer.js';
const REQUEST = 'recipes/reboot/reboot-request.js';
const STEPS = 'recipes/reboot/node-steps.js';
const WAITING = 'reboot/waiting.test.js';
const PHASES = 'reboot/phases.test.js';

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
];

// Bugs of elections that other libraries shipped, and those of handing a leadership over that ours
// is one line away from.
import type { RecipeBug } from './recipe-bug.js';

const LEADERSHIP = 'recipes/election/leadership.js';
const BECOME = 'recipes/election/become-leader.js';
const TRANSFER = 'recipes/election/transfer.js';
const LOOP = 'recipes/election/run-while-leader.js';
const ELECTION_TESTS = 'election/election.test.js';
const TRANSFER_TESTS = 'election/transfer.test.js';

export const ELECTION_BUGS: readonly RecipeBug[] = [
  {
    id: 'election-phantom',
    bug: 'whoever is first in line takes itself for the leader, whatever its claim says',
    precedent: 'etcd Campaign, cagriekin/charts #327',
    edits: [
      {
        file: BECOME,
        find: 'return result.succeeded ? result.header.revision : undefined;',
        replace: 'return result.header.revision;',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'deleted between its look and its claim',
  },
  {
    id: 'election-stale-observer',
    bug: 'observers are never told that nobody leads',
    precedent: 'etcd Observe, trillian #1387',
    edits: [
      {
        file: 'recipes/election/election-status.js',
        find: 'return a?.id === b?.id && a?.term === b?.term && a?.value === b?.value;',
        replace:
          'return b === null || (a?.id === b.id && a.term === b.term && a.value === b.value);',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'observers see nobody',
  },
  {
    id: 'election-double-leader',
    bug: 'a claim does not ask whether somebody leads',
    precedent: 'CURATOR-504, -620, -644, -653, -696',
    edits: [
      {
        file: BECOME,
        find: "{ key: keys.leader, target: 'create', operator: '=', operand: 0 },",
        replace: '',
      },
      {
        file: BECOME,
        find: 'else if (view.ahead !== undefined || owner !== undefined)',
        replace: 'else if (view.ahead !== undefined)',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'owner key that no candidate stands behind',
  },
  {
    id: 'election-two-workers',
    bug: 'the work of a lost leadership is not awaited before the next campaign',
    precedent: 'npm etcd3 #158',
    edits: [
      {
        file: LOOP,
        find: 'const result = await work(leadership.term, term.signal, leadership);',
        replace:
          'const gone = new Promise((resolve) => term.signal.addEventListener("abort", resolve)); const result = await Promise.race([gone, work(leadership.term, term.signal, leadership)]);',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'runs one worker at a time',
  },
  {
    id: 'transfer-dead-target',
    bug: 'the leadership goes to a candidate that is not there any more',
    edits: [
      {
        file: TRANSFER,
        find: "{ key, target: 'create', operator: '=', operand: createRevision },",
        replace: '',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'gives up between the look and the move',
  },
  {
    id: 'transfer-late-stop',
    bug: 'the old leader stops only after another one may lead',
    edits: [
      {
        file: LEADERSHIP,
        find: 'this.#ownership.end(); const handing = this.#handOver(target, candidateId);',
        replace:
          'const handing = this.#handOver(target, candidateId).finally(() => this.#ownership.end());',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'stops the old leader before',
  },
  {
    id: 'transfer-unheard',
    bug: 'a candidate is not woken by the leadership that it was given',
    edits: [
      {
        file: TRANSFER,
        find: "{ kind: 'put', key, ignoreValue: true, ignoreLease: true },",
        replace: '',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'wakes the candidate and the next in line',
  },
  {
    id: 'transfer-lost-answer',
    bug: 'a transfer whose answer was lost is taken for a failure',
    edits: [
      {
        file: LEADERSHIP,
        find: 'if (owner !== undefined && toText(owner.value) === targetId) {',
        replace: 'if (owner === null) {',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'a lost answer is recognised',
  },
  {
    id: 'transfer-stuck',
    bug: 'a leader that could not hand over keeps the owner key and does not lead',
    edits: [
      {
        file: LEADERSHIP,
        find: 'const request = moveRequest(store, move, [resign]);',
        replace: 'const request = moveRequest(store, move, []);',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'dies between the look and the move',
  },
];

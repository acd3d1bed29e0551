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
  {
    id: 'election-observer-ends',
    bug: 'an observer ends when history is compacted',
    precedent: 'etcd #7815',
    edits: [
      {
        file: 'recipes/base/prefix-view.js',
        find: "if (!isStoreError(error, 'Compacted')) await",
        replace: "if (isStoreError(error, 'Compacted')) throw error; await",
      },
    ],
    suite: ELECTION_TESTS,
    title: 'observers survive compaction',
  },
  {
    id: 'election-no-candidate',
    bug: 'a candidate whose key is gone can claim',
    precedent: 'etcd #19597, cagriekin/charts PR 327',
    edits: [
      {
        file: BECOME,
        find: "{ key: place.key, target: 'create', operator: '=', operand: createRevision },",
        replace: '',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'deleted between its look and its claim',
  },
  {
    id: 'election-proclaim-moves-term',
    bug: 'a proclamation changes the term, and with it the fence',
    edits: [
      {
        file: LEADERSHIP,
        find: "success: [{ kind: 'put', key, value, lease: session.lease }],",
        replace:
          "success: [{ kind: 'put', key, value, lease: session.lease }, { kind: 'put', key: this.#key, value: this.id, lease: session.lease }],",
      },
    ],
    suite: ELECTION_TESTS,
    title: 'a proclamation reaches observers',
  },
  {
    id: 'election-resigns-for-others',
    bug: 'a resignation deletes whatever leader there is',
    precedent: 'etcd #22082, for elections; kubernetes #112023',
    edits: [
      {
        file: LEADERSHIP,
        find: 'compare: [this.guard()], success: resignation(this.#keys, this.id),',
        replace: 'success: resignation(this.#keys, this.id),',
      },
    ],
    suite: 'conformance/exclusive.test.js',
    title: 'conformance: election an administrator takes it away',
  },
  {
    id: 'election-leads-once',
    bug: 'who lost the leadership does not stand again',
    precedent: 'client-go #1155',
    edits: [
      {
        file: LOOP,
        find: "if (outcome.kind === 'done') return outcome.result;",
        replace: 'return outcome.result;',
      },
    ],
    suite: ELECTION_TESTS,
    title: 'leads again after a lost session',
  },
  {
    id: 'election-stuck-leader',
    bug: 'a leader that is not well goes on leading as long as its session lives',
    precedent: 'what the WatchDog of client-go is for',
    edits: [
      {
        file: LOOP,
        find: 'const unfollow = fit.follow(end);',
        replace: 'const unfollow = () => {};',
      },
    ],
    suite: 'election/election-status.test.js',
    title: 'a leader that becomes unhealthy',
  },
  {
    id: 'transfer-gap',
    bug: 'a leadership is resigned and left to whoever comes, and nobody leads meanwhile',
    precedent: 'client-go, which has no hand-over',
    edits: [
      {
        file: LEADERSHIP,
        find: 'const moved = await this.#send(request, resign);',
        replace: 'const moved = await this.#send({ ...request, success: resign.success }, resign);',
      },
    ],
    suite: TRANSFER_TESTS,
    title: 'goes to the candidate of choice',
  },
];

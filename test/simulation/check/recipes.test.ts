// Proves for each promise of the recipes that a history of keys as the recipes write them passes,
// and that histories which break it are found and called by the right name.
import type { History, RecipeNote } from '../../../src/simulation/check/history.js';
import type { TxnOperation } from '../../../src/store/index.js';
import { HistoryBuilder } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

const id = (lease: bigint, n = 1) => `${lease.toString(16)}-${String(n).padStart(16, '0')}`;
const entry = (lease: bigint, n = 1) => `jobs/q/${id(lease, n)}`;

function txn(h: HistoryBuilder, success: TxnOperation[], client = 1) {
  return h.call({ kind: 'txn', request: { success } }, { client });
}

function enter(h: HistoryBuilder, lease: bigint, client: number, key = entry(lease)): number {
  h.put(key, '{}', lease, client);
  return h.revision;
}

const held = (client: number, fence: number, fromMs: number, untilMs: number): RecipeNote => ({
  kind: 'held',
  recipe: 'lock',
  name: 'jobs',
  client,
  fence,
  fromMs,
  untilMs,
});

const action = (client: number, fence: number, accepted = true): RecipeNote => ({
  kind: 'action',
  recipe: 'lock',
  name: 'jobs',
  resource: 'disk',
  client,
  fence,
  accepted,
  atMs: 0,
});

/** Two clients hold a lock one after the other; the second one's lease expires. */
function twoHolders() {
  const h = new HistoryBuilder();
  h.grant(5n, 100);
  h.grant(6n, 10);
  const first = enter(h, 5n, 1);
  const startMs = h.nowMs;
  const second = enter(h, 6n, 2);
  h.wait(1000);
  const endMs = h.nowMs;
  h.delete(entry(5n), 1);
  const nextMs = h.nowMs;
  h.wait(12_000);
  return { h, first, second, startMs, endMs, nextMs };
}

function withNotes(history: History, recipes: readonly RecipeNote[]): History {
  return { ...history, recipes };
}

describe('K1: one owner of a lock at a time, with rising fences', () => {
  it('holds for a queue of two', () => mustHold(twoHolders().h.build()));

  it('finds an entry that is written again, and two of one revision', () => {
    const again = new HistoryBuilder();
    again.grant(5n);
    enter(again, 5n, 1);
    enter(again, 5n, 1);
    mustBreak('K1', again.build());
    const both = new HistoryBuilder();
    both.grant(5n);
    both.grant(6n);
    txn(both, [
      { kind: 'put', key: entry(5n), lease: 5n },
      { kind: 'put', key: entry(6n), lease: 6n },
    ]);
    mustBreak('K1', both.build());
  });

  it('finds an entry without its lease, or with that of another', () => {
    const h = new HistoryBuilder();
    h.grant(5n);
    h.put(entry(5n), '{}');
    mustBreak('K1', h.build());
    const other = new HistoryBuilder();
    other.grant(5n);
    other.grant(6n);
    other.put(entry(5n), '{}', 6n);
    mustBreak('K1', other.build());
  });
});

describe('K2: a resource that looks at fences', () => {
  it('holds when the former owner is turned away', () => {
    const { h, first, second } = twoHolders();
    const notes = [action(1, first), action(2, second), action(1, first, false)];
    mustHold(withNotes(h.build(), notes));
  });

  it('finds the former owner let in, the owner turned away, and a fence from nowhere', () => {
    const { h, first, second } = twoHolders();
    const history = h.build();
    mustBreak('K2', withNotes(history, [action(2, second), action(1, first)]));
    mustBreak('K2', withNotes(history, [action(1, first), action(2, second, false)]));
    mustBreak('K2', withNotes(history, [action(1, 77)]));
  });
});

describe('K3: nobody believes to own what it does not', () => {
  it('holds for one after the other', () => {
    const { h, first, second, startMs, endMs, nextMs } = twoHolders();
    const notes = [held(1, first, startMs, endMs), held(2, second, nextMs, nextMs + 5000)];
    mustHold(withNotes(h.build(), notes));
  });

  it('finds a hold that outlives its lease, begins before its turn, or never was', () => {
    const { h, first, second, startMs, endMs, nextMs } = twoHolders();
    const history = h.build();
    mustBreak('K3', withNotes(history, [held(2, second, nextMs, h.nowMs)]));
    mustBreak('K3', withNotes(history, [held(1, first, startMs, nextMs + 1000)]));
    mustBreak('K3', withNotes(history, [held(2, second, startMs + 100, endMs)]));
    mustBreak('K3', withNotes(history, [held(2, 99, nextMs, nextMs + 1)]));
  });

  it('finds two holders at one time, and two with one fence', () => {
    const { h, first, second, startMs, endMs, nextMs } = twoHolders();
    const history = h.build();
    const two = [held(1, first, startMs, nextMs + 10), held(2, second, nextMs, nextMs + 100)];
    mustBreak('K3', withNotes(history, two));
    mustBreak(
      'K3',
      withNotes(history, [held(1, first, startMs, endMs), held(3, first, startMs, endMs)]),
    );
  });

  it('lets off the owner whose entry somebody else deleted', () => {
    const h = new HistoryBuilder();
    h.grant(5n, 100);
    const fence = enter(h, 5n, 1);
    const startMs = h.nowMs;
    h.delete(entry(5n), 2);
    h.wait(500);
    mustHold(withNotes(h.build(), [held(1, fence, startMs, h.nowMs)]));
  });
});

describe('K4: elections', () => {
  const candidate = (lease: bigint) => `boss/c/${id(lease)}`;

  function stand(h: HistoryBuilder, lease: bigint) {
    h.grant(lease, 100);
    h.put(candidate(lease), `host-${lease}`, lease);
  }

  function lead(h: HistoryBuilder, lease: bigint): number {
    h.put('boss/leader', id(lease), lease);
    return h.revision;
  }

  function resign(h: HistoryBuilder, lease: bigint) {
    txn(h, [
      { kind: 'delete', key: 'boss/leader' },
      { kind: 'delete', key: candidate(lease) },
    ]);
  }

  function terms() {
    const h = new HistoryBuilder();
    stand(h, 5n);
    const first = lead(h, 5n);
    stand(h, 6n);
    resign(h, 5n);
    const second = lead(h, 6n);
    return { h, first, second };
  }

  const saw = (lease: bigint | undefined, term: number, value = '', atMs = 10_000): RecipeNote => ({
    kind: 'observed',
    name: 'boss',
    observer: 1,
    leader: lease === undefined ? undefined : { id: id(lease), value, term },
    atMs,
  });

  it('hold for one leader after the other, and for observers that miss some', () => {
    const { h, first, second } = terms();
    const history = h.build();
    mustHold(history);
    const notes = [saw(undefined, 0), saw(5n, first, 'host-5'), saw(undefined, 0), saw(6n, second)];
    mustHold(withNotes(history, notes));
  });

  it('finds a leader made over another, and one that was not its turn', () => {
    const over = terms().h;
    stand(over, 7n);
    lead(over, 7n);
    mustBreak('K4', over.build());
    const turn = new HistoryBuilder();
    stand(turn, 5n);
    stand(turn, 6n);
    lead(turn, 6n);
    mustBreak('K4', turn.build());
  });

  it('finds a leader that is no candidate, or of another lease', () => {
    const stranger = new HistoryBuilder();
    stranger.grant(5n);
    lead(stranger, 5n);
    mustBreak('K4', stranger.build());
    const other = new HistoryBuilder();
    stand(other, 5n);
    other.put('boss/leader', id(5n));
    mustBreak('K4', other.build());
  });

  it('finds one who resigns for another', () => {
    const { h } = terms();
    resign(h, 5n);
    mustBreak('K4', h.build());
  });

  it('finds observers that see leaders out of order, twice, or that never were', () => {
    const { h, first, second } = terms();
    const history = h.build();
    mustBreak('K4', withNotes(history, [saw(6n, second), saw(5n, first)]));
    mustBreak('K4', withNotes(history, [saw(5n, first), saw(undefined, 0), saw(5n, first)]));
    mustBreak('K4', withNotes(history, [saw(6n, first)]));
    mustBreak('K4', withNotes(history, [saw(5n, first, 'host-6')]));
    mustBreak('K4', withNotes(history, [saw(6n, second, '', 1)]));
  });
});

describe('K5: reboot slots', () => {
  const slot = (node: string) => `reboot/web/slot/${node}`;
  const acquired = (node: string, revision: number, atMs: number): RecipeNote => ({
    kind: 'slotAcquired',
    group: 'web',
    node,
    revision,
    invokedMs: atMs - 5,
    atMs,
  });
  const released = (
    node: string,
    isReleased: boolean,
    invokedMs: number,
    atMs: number,
  ): RecipeNote => ({
    kind: 'slotReleased',
    group: 'web',
    node,
    released: isReleased,
    invokedMs,
    atMs,
  });

  it('hold up to the limit, also when it is lowered', () => {
    const h = new HistoryBuilder();
    h.put('reboot/web/policy', '{"max":2}');
    h.put(slot('a'), '{}');
    const revision = h.revision;
    h.put(slot('b'), '{}');
    h.note(acquired('a', revision, h.nowMs));
    h.note(acquired('a', revision, h.nowMs + 1));
    h.put('reboot/web/policy', '{"max":1}');
    const startMs = h.nowMs;
    h.delete(slot('a'));
    h.note(released('a', true, startMs, h.nowMs));
    h.note(released('a', false, h.nowMs, h.nowMs + 5));
    mustHold(h.build());
  });

  it('finds one slot too many, by the default, by a policy, and by one that says nothing', () => {
    const h = new HistoryBuilder();
    h.put(slot('a'), '{}');
    mustHold(h.build());
    h.put(slot('b'), '{}');
    mustBreak('K5', h.build());
    const paused = new HistoryBuilder();
    paused.put('reboot/web/policy', '{"max":0}');
    paused.put(slot('a'), '{}');
    mustBreak('K5', paused.build());
    const odd = new HistoryBuilder();
    odd.put('reboot/web/policy', 'two');
    odd.put(slot('a'), '{}');
    mustBreak('K5', odd.build());
  });

  it('finds a slot that is given twice, or under a lease', () => {
    const h = new HistoryBuilder();
    h.put(slot('a'), '{}');
    h.put(slot('a'), '{}');
    mustBreak('K5', h.build());
    const leased = new HistoryBuilder();
    leased.grant(5n);
    leased.put(slot('a'), '{}', 5n);
    mustBreak('K5', leased.build());
  });

  it('go through phases, and count against the budget when their time is up', () => {
    const h = new HistoryBuilder();
    const due = 'reboot/web/due/a';
    h.put('reboot/web/policy', '{"max":"50%","failureBudget":1}');
    h.put('reboot/web/node/a', '{}');
    h.put('reboot/web/node/b', '{}');
    h.put(due, '');
    h.put(slot('a'), '{"phase":"granted","dueSeconds":5}');
    h.put(slot('a'), '{"phase":"rebooting","dueSeconds":5}');
    h.delete(due);
    h.put(slot('a'), '{"phase":"stuck"}');
    h.put(slot('b'), '{"phase":"granted"}');
    mustHold(h.build());
    h.put(slot('c'), '{"phase":"granted"}');
    mustBreak('K5', h.build());
    const spent = new HistoryBuilder();
    spent.put(slot('a'), '{"phase":"granted","dueSeconds":5}');
    spent.put(slot('b'), '{"phase":"granted"}');
    mustBreak('K5', spent.build());
    const watched = new HistoryBuilder();
    watched.put(slot('a'), '{"phase":"soaking","dueSeconds":5}');
    watched.put(slot('b'), '{"phase":"granted"}');
    mustHold(watched.build());
  });

  it('finds answers about slots that were not so', () => {
    const h = new HistoryBuilder();
    h.put(slot('a'), '{}');
    const { revision } = h;
    const grantedMs = h.nowMs;
    h.wait(1000);
    mustHold(withNotes(h.build(), [acquired('a', revision, grantedMs)]));
    mustBreak('K5', withNotes(h.build(), [acquired('a', 9, grantedMs)]));
    mustBreak('K5', withNotes(h.build(), [released('a', true, grantedMs, grantedMs + 5)]));
    mustBreak('K5', withNotes(h.build(), [released('a', false, grantedMs, grantedMs + 5)]));
    h.delete(slot('a'));
    mustBreak('K5', withNotes(h.build(), [acquired('a', revision, h.nowMs + 100)]));
  });
});

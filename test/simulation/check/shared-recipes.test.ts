// Proves for each promise of what several share, from semaphores to groups of members, that a
// history of keys as the recipes write them passes, and that histories which break it are found and
// called by the right name.
import type { History, RecipeNote } from '../../../src/simulation/check/history.js';
import type { TxnOperation } from '../../../src/store/index.js';
import { HistoryBuilder } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

const id = (lease: bigint) => `${lease.toString(16)}-${'1'.padStart(16, '0')}`;
const put = (key: string, value = '{}', lease = 0n): TxnOperation => {
  return { kind: 'put', key, value, lease };
};
const drop = (key: string): TxnOperation => ({ kind: 'delete', key });

function txn(h: HistoryBuilder, success: TxnOperation[], client = 1): number {
  h.call({ kind: 'txn', request: { success } }, { client });
  return h.revision;
}

function withNotes(h: HistoryBuilder, recipes: readonly RecipeNote[]): History {
  return { ...h.build(), recipes };
}

function builder(leases: readonly bigint[], ttlSeconds = 100): HistoryBuilder {
  const h = new HistoryBuilder();
  for (const lease of leases) h.grant(lease, ttlSeconds);
  return h;
}

type Held = Extract<RecipeNote, { kind: 'held' }>;

const held = (
  recipe: Held['recipe'],
  name: string,
  client: number,
  [fence, fromMs, untilMs]: readonly [number, number, number],
): RecipeNote => ({ kind: 'held', recipe, name, client, fence, fromMs, untilMs });

describe('K6: permits of a semaphore', () => {
  const all = 'disks/@semaphore/';
  const limit = (h: HistoryBuilder, value: number, order = 'fifo') =>
    h.put(`${all}limit`, `{"limit":${value},"order":"${order}"}`);
  const permit = (lease: bigint, weight = 1) =>
    put(`${all}held/${id(lease)}`, `{"weight":${weight}}`, lease);
  const wait = (h: HistoryBuilder, lease: bigint) =>
    h.put(`${all}line/${id(lease)}`, '{"weight":1}', lease);
  const grant = (h: HistoryBuilder, lease: bigint, weight = 1) =>
    txn(h, [permit(lease, weight), put(`${all}epoch`), drop(`${all}line/${id(lease)}`)]);

  it('hold up to the limit, also when it shrinks', () => {
    const h = builder([5n, 6n, 7n]);
    limit(h, 3);
    grant(h, 5n, 2);
    const second = grant(h, 6n);
    const fromMs = h.nowMs;
    limit(h, 2);
    h.delete(`${all}held/${id(5n)}`);
    wait(h, 7n);
    grant(h, 7n);
    mustHold(withNotes(h, [held('permit', 'disks', 1, [second, fromMs, h.nowMs])]));
  });

  it('are found when too many are granted, before a limit or beyond it', () => {
    const before = builder([5n]);
    grant(before, 5n);
    mustBreak('K6', before.build());
    const beyond = builder([5n, 6n]);
    limit(beyond, 2);
    grant(beyond, 5n);
    grant(beyond, 6n, 2);
    mustBreak('K6', beyond.build());
  });

  it('are found when two come at once, or leave the epoch, or have another lease', () => {
    const twice = builder([5n, 6n]);
    limit(twice, 2);
    txn(twice, [permit(5n), permit(6n), put(`${all}epoch`)]);
    mustBreak('K6', twice.build());
    const still = builder([5n]);
    limit(still, 2);
    txn(still, [permit(5n)]);
    mustBreak('K6', still.build());
    const other = builder([5n, 6n]);
    limit(other, 2);
    txn(other, [put(`${all}held/${id(5n)}`, '{}', 6n), put(`${all}epoch`)]);
    mustBreak('K6', other.build());
  });

  it('are found when one passes another, unless small ones may', () => {
    for (const order of ['fifo', 'firstFit']) {
      const h = builder([5n, 6n]);
      limit(h, 1, order);
      wait(h, 5n);
      wait(h, 6n);
      grant(h, 6n);
      if (order === 'fifo') mustBreak('K6', h.build());
      else mustHold(h.build());
    }
  });

  it('are not held by whoever never had them, or has none any more', () => {
    const h = builder([5n]);
    limit(h, 1);
    const fence = grant(h, 5n);
    const fromMs = h.nowMs;
    h.delete(`${all}held/${id(5n)}`);
    h.wait(1000);
    mustBreak('K3', withNotes(h, [held('permit', 'disks', 1, [fence, fromMs, h.nowMs])]));
    mustBreak('K3', withNotes(h, [held('permit', 'disks', 1, [99, fromMs, fromMs])]));
  });
});

describe('K7: read/write locks', () => {
  const entry = (lease: bigint) => `index/@rw/q/${id(lease)}`;
  const mark = (lease: bigint) => `index/@rw/w/${id(lease)}`;
  const read = (h: HistoryBuilder, lease: bigint) => txn(h, [put(entry(lease), '{}', lease)]);
  const write = (h: HistoryBuilder, lease: bigint) =>
    txn(h, [put(entry(lease), '{}', lease), put(mark(lease), '', lease)]);

  it('hold for readers together, a writer alone, and changes from one to the other', () => {
    const h = builder([5n, 6n, 7n]);
    const first = read(h, 5n);
    const second = read(h, 6n);
    const fromMs = h.nowMs;
    h.delete(entry(5n));
    const leftMs = h.nowMs;
    txn(h, [put(mark(6n), '', 6n)]);
    const writesMs = h.nowMs;
    const third = read(h, 7n);
    txn(h, [drop(mark(6n))]);
    const notes = [
      held('read', 'index', 1, [first, fromMs, fromMs + 5]),
      held('read', 'index', 1, [second, fromMs, leftMs]),
      held('write', 'index', 1, [second, writesMs, writesMs + 5]),
      held('read', 'index', 1, [second, h.nowMs, h.nowMs + 50]),
      held('read', 'index', 3, [third, h.nowMs, h.nowMs + 50]),
    ];
    mustHold(withNotes(h, notes));
    const early = held('read', 'index', 3, [third, writesMs + 1, h.nowMs]);
    mustBreak('K3', withNotes(h, [...notes.slice(0, 3), early]));
  });

  it('are found when a reader writes beside another, or two write', () => {
    const h = builder([5n, 6n]);
    read(h, 5n);
    read(h, 6n);
    txn(h, [put(mark(6n), '', 6n)]);
    mustBreak('K7', h.build());
    const two = builder([5n, 6n]);
    const fences = [write(two, 5n), write(two, 6n)] as const;
    const both = [
      held('write', 'index', 1, [fences[0], two.nowMs, two.nowMs + 50]),
      held('write', 'index', 2, [fences[1], two.nowMs + 10, two.nowMs + 20]),
    ];
    mustBreak('K3', withNotes(two, both));
  });

  it('are found when an entry is written again, or has another lease', () => {
    const again = builder([5n]);
    read(again, 5n);
    read(again, 5n);
    mustBreak('K7', again.build());
    const other = builder([5n, 6n]);
    txn(other, [put(entry(5n), '{}', 6n)]);
    mustBreak('K7', other.build());
  });
});

describe('K8: messages of a queue', () => {
  const all = 'mail/@queue/';
  const ready = `${all}index/ready/999/a`;
  const claim = `${all}index/claim/a`;
  const body = `${all}body/a`;
  const dead = `${all}index/dead/a`;
  const send = (h: HistoryBuilder) => txn(h, [put(body), put(ready, '{"attempts":0}')]);
  const take = (h: HistoryBuilder, lease: bigint, client: number, attempts = 1) =>
    txn(h, [put(claim, '{}', lease), put(ready, `{"attempts":${attempts}}`)], client);
  const ack = (h: HistoryBuilder, client: number) =>
    txn(h, [drop(claim), drop(ready), drop(body)], client);
  const acked = (fence: number, atMs: number): RecipeNote => {
    return { kind: 'acked', queue: 'mail', id: 'a', fence, atMs };
  };

  function sent() {
    const h = builder([5n, 6n]);
    send(h);
    return h;
  }

  it('hold when one is lost by its consumer and acknowledged by the next', () => {
    const h = sent();
    take(h, 5n, 1);
    txn(h, [drop(claim)], 1);
    const fence = take(h, 6n, 2, 2);
    ack(h, 2);
    const note = { kind: 'sent', queue: 'mail', id: 'a', invokedMs: 0, atMs: h.nowMs } as const;
    mustHold(withNotes(h, [note, acked(fence, h.nowMs)]));
    mustBreak('K8', withNotes(h, [acked(fence - 2, h.nowMs)]));
    mustBreak('K8', withNotes(h, [{ ...note, id: 'b' }]));
  });

  it('hold when one is given up and discarded', () => {
    const h = sent();
    take(h, 5n, 1);
    txn(h, [drop(claim), drop(ready), put(dead)], 1);
    txn(h, [drop(dead), drop(body)], 3);
    mustHold(h.build());
  });

  it('are found when one is acknowledged for another, or by nobody', () => {
    const other = sent();
    take(other, 5n, 1);
    ack(other, 2);
    mustBreak('K8', other.build());
    const nobody = sent();
    ack(nobody, 1);
    mustBreak('K8', nobody.build());
  });

  it('are found when they are nowhere, or in two places', () => {
    const nowhere = sent();
    txn(nowhere, [drop(ready)]);
    mustBreak('K8', nowhere.build());
    const two = sent();
    txn(two, [put(dead)]);
    mustBreak('K8', two.build());
  });

  it('are found when two claim them, or a claim does not count', () => {
    const two = sent();
    take(two, 5n, 1);
    take(two, 6n, 2, 2);
    mustBreak('K8', two.build());
    const uncounted = sent();
    take(uncounted, 5n, 1, 0);
    mustBreak('K8', uncounted.build());
  });

  it('are not worked on by two at one time', () => {
    const h = sent();
    const first = take(h, 5n, 1);
    const fromMs = h.nowMs;
    txn(h, [drop(claim)], 1);
    const second = take(h, 6n, 2, 2);
    const notes = [
      held('message', 'mail/a', 1, [first, fromMs, h.nowMs + 50]),
      held('message', 'mail/a', 2, [second, h.nowMs, h.nowMs + 10]),
    ];
    mustBreak('K3', withNotes(h, notes));
  });
});

describe('K9: gates', () => {
  const member = (lease: bigint) => `gate/@rendezvous/member/0000000001/${id(lease)}`;
  const passed = (gate: string, needed: number, isOut: boolean, atMs: number): RecipeNote => {
    return { kind: 'passed', gate, round: 1, client: 1, needed, isOut, atMs };
  };

  function met() {
    const h = builder([5n, 6n]);
    h.put(member(5n), '{}', 5n);
    const earlyMs = h.nowMs;
    h.put(member(6n), '{}', 6n);
    h.put('gate/@rendezvous/generation', '{"generation":2}');
    return { h, earlyMs };
  }

  it('hold when all who are needed are there, and when all have left', () => {
    const { h, earlyMs } = met();
    const gate = 'double barrier gate';
    const insideMs = h.nowMs;
    h.delete(member(5n));
    const oneMs = h.nowMs;
    h.delete(member(6n));
    mustHold(withNotes(h, [passed(gate, 2, false, insideMs), passed(gate, 2, true, h.nowMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 2, false, earlyMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 3, false, insideMs)]));
    mustBreak('K9', withNotes(h, [passed(gate, 2, true, oneMs - 1)]));
  });

  it('are found when somebody comes late, or a generation is left out', () => {
    const late = met().h;
    late.grant(7n, 100);
    late.put(member(7n), '{}', 7n);
    mustBreak('K9', late.build());
    const far = met().h;
    far.put('gate/@rendezvous/generation', '{"generation":4}');
    mustBreak('K9', far.build());
  });

  it('of a latch hold when enough were counted, and are found when they were not', () => {
    const h = new HistoryBuilder();
    const state = (text: string) => h.put('up/@latch/state', text);
    state('{"round":1,"count":2,"isOpen":false}');
    h.put('up/@latch/down/0000000001/a', '{}');
    h.put('up/@latch/down/0000000001/b', '{}');
    state('{"round":1,"count":2,"isOpen":true}');
    mustHold(withNotes(h, [passed('latch up', 1, false, h.nowMs)]));
    mustBreak('K9', withNotes(h, [passed('latch up', 1, false, 1)]));
    state('{"round":2,"count":2,"isOpen":true}');
    mustBreak('K9', h.build());
  });
});

describe('K10: counters and sequences', () => {
  const add = (h: HistoryBuilder, value: string, operation: string) =>
    h.put('hits/@counter', JSON.stringify({ value, operations: [[operation, value]] }));
  const added = (operation: string, amount: number, value: string | undefined, atMs = 1000) =>
    ({ kind: 'added', name: 'hits', client: 1, operation, amount, value, atMs }) as const;
  const numbered = (client: number, number: number): RecipeNote => {
    return { kind: 'numbered', name: 'ids', client, number, atMs: 1 };
  };

  function counted() {
    const h = new HistoryBuilder();
    add(h, '2', 'a');
    add(h, '1', 'b');
    return h;
  }

  it('hold when each addition counts once, told of or not', () => {
    mustHold(withNotes(counted(), [added('a', 2, '2'), added('b', -1, undefined)]));
  });

  it('are found when one counts wrongly, twice, for nobody, or was only said to', () => {
    const notes = [added('a', 2, '2'), added('b', -1, '1')];
    mustBreak('K10', withNotes(counted(), [added('a', 2, '2'), added('b', 1, '1')]));
    mustBreak('K10', withNotes(counted(), notes.slice(0, 1)));
    mustBreak('K10', withNotes(counted(), [...notes, added('c', 1, '3')]));
    const twice = counted();
    add(twice, '3', 'a');
    mustBreak('K10', withNotes(twice, notes));
  });

  it('are found when two have one number', () => {
    const h = counted();
    const notes = [added('a', 2, '2'), added('b', -1, '1')];
    mustHold(withNotes(h, [...notes, numbered(1, 7), numbered(2, 8)]));
    mustBreak('K10', withNotes(h, [...notes, numbered(1, 7), numbered(2, 7)]));
  });
});

describe('K11: members', () => {
  const listed = (list: readonly string[], wanted: readonly string[]): RecipeNote => {
    return { kind: 'listed', group: 'web', wanted, listed: list, atMs: 1000 };
  };

  it('hold when all are listed who are there, and are found when they are not', () => {
    const h = builder([5n]);
    h.put('web/@members/a', '{"nonce":"1"}', 5n);
    h.put('web/@members/a', '{"nonce":"1","metadata":{}}', 5n);
    mustHold(withNotes(h, [listed(['b', 'a'], ['a', 'b'])]));
    mustBreak('K11', withNotes(h, [listed(['a'], ['a', 'b'])]));
    mustBreak('K11', withNotes(h, [listed(['a', 'b'], ['a'])]));
    mustBreak('K11', withNotes(h, [listed(['a'], ['a', 'a'])]));
  });

  it('are found without a lease, and when one is written over by another', () => {
    const loose = new HistoryBuilder();
    loose.put('web/@members/a', '{"nonce":"1"}');
    mustBreak('K11', loose.build());
    const over = builder([5n]);
    over.put('web/@members/a', '{"nonce":"1"}', 5n);
    over.put('web/@members/a', '{"nonce":"2"}', 5n);
    mustBreak('K11', over.build());
  });
});

describe('K4: a leadership that is handed over', () => {
  const candidate = (lease: bigint) => `boss/c/${id(lease)}`;

  function led(): HistoryBuilder {
    const h = builder([5n, 6n, 7n]);
    for (const lease of [5n, 6n, 7n]) h.put(candidate(lease), '', lease);
    h.put('boss/leader', id(5n), 5n);
    return h;
  }

  it('holds past others in line, and is found when the leader stays a candidate', () => {
    const h = led();
    txn(h, [put('boss/leader', id(7n), 7n), drop(candidate(5n))]);
    mustHold(h.build());
    const stays = led();
    txn(stays, [put('boss/leader', id(7n), 7n)]);
    mustBreak('K4', stays.build());
    const other = led();
    txn(other, [put('boss/leader', id(7n), 6n), drop(candidate(5n))]);
    mustBreak('K4', other.build());
  });
});

describe('K5: rules of a reboot group', () => {
  const rules: readonly (readonly [what: string, key: string, value: string])[] = [
    ['is paused', 'policy', '{"max":9,"paused":{"by":"ann","reason":"","untilMs":null}}'],
    ['is held', 'hold/x', '{"scope":"group"}'],
    ['holds the node', 'hold/x', '{"scope":"node","node":"b"}'],
    ['cools down', 'cooldown/c', '{}'],
    ['keeps zones apart', 'policy', '{"max":9,"order":{"by":"zone","rule":"one-per-zone"}}'],
  ];

  for (const [what, key, value] of rules) {
    it(`finds a slot that is given while it ${what}, and not one that was given before`, () => {
      const h = new HistoryBuilder();
      h.put('reboot/web/policy', '{"max":9}');
      h.put('reboot/web/slot/a', '{"phase":"granted","zone":"east"}');
      h.put(`reboot/web/${key}`, value);
      mustHold(h.build());
      h.put('reboot/web/slot/b', '{"phase":"granted","zone":"east"}');
      mustBreak('K5', h.build());
    });
  }

  it('lets another node go while one is held, and another zone where zones are apart', () => {
    const h = new HistoryBuilder();
    h.put('reboot/web/policy', '{"max":9,"order":{"by":"zone","rule":"one-per-zone"}}');
    h.put('reboot/web/hold/x', '{"scope":"node","node":"c"}');
    h.put('reboot/web/slot/a', '{"phase":"granted","zone":"east"}');
    h.put('reboot/web/slot/b', '{"phase":"granted","zone":"west"}');
    mustHold(h.build());
  });
});

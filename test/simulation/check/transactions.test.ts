// Proves for transactions with retries that reads of one revision and effects which nothing came
// between pass, and that torn reads, effects on what has changed, effects that come twice or after
// a refusal, money that is gone and pairs that both left are found.
import type { RecipeNote, TransactionRead } from '../../../src/simulation/check/history.js';
import type { TxnOperation } from '../../../src/store/index.js';
import type { HistoryBuilder } from './history-builder.js';
import { builder, drop, put, txn, withNotes } from './recipe-histories.js';
import { mustBreak, mustHold } from './verdict.js';

const MARKER = 'stm/@stm/5-1';
const A = 'bank/account/a';
const B = 'bank/account/b';

type Writes = readonly (readonly [key: string, value: string | undefined])[];

const read = (key: string, value?: string): TransactionRead => {
  return { key, isPrefix: false, pairs: value === undefined ? [] : [[key, value]] };
};
const under = (key: string, pairs: TransactionRead['pairs']): TransactionRead => {
  return { key, isPrefix: true, pairs };
};

function commit(h: HistoryBuilder, writes: Writes): number {
  const steps = writes.map(
    ([key, value]): TxnOperation => (value === undefined ? drop(key) : put(key, value)),
  );
  return txn(h, [...steps, put(MARKER, `n${h.revision}`, 5n)]);
}

function tried(
  transaction: string,
  revision: number,
  reads: readonly TransactionRead[],
  writes?: Writes,
): RecipeNote {
  const atMs = 10_000;
  const written = writes && new Map(writes);
  return { kind: 'tried', transaction, revision, reads, writes: written, atMs };
}

function told(transaction: string, outcome: 'done' | 'notDone' | 'unknown'): RecipeNote {
  return { kind: 'transacted', transaction, client: 1, outcome, invokedMs: 0, atMs: 10_000 };
}

const OPENED: Writes = [
  [A, '100 by t0'],
  [B, '100 by t0'],
];
const MOVED: Writes = [
  [A, '70 by t1'],
  [B, '130 by t1'],
];

/** Two accounts, and ten moved from one to the other. */
function moved() {
  const h = builder([5n]);
  const opened = commit(h, OPENED);
  commit(h, MOVED);
  const before = [read(A, '100 by t0'), read(B, '100 by t0')];
  const notes = [
    tried('t0', opened - 1, [under('bank/account/', [])], OPENED),
    tried('t1', opened, before, MOVED),
  ];
  return { h, opened, before, notes };
}

describe('K13: transactions', () => {
  it('hold when nothing came between what was read and what was written', () => {
    const { h, notes, before, opened } = moved();
    const lost = tried(
      't2',
      opened,
      before,
      MOVED.map(([key]) => [key, '1 by t2'] as const),
    );
    const looked = tried('t3', opened, [
      under('bank/account/', [
        [A, '100 by t0'],
        [B, '100 by t0'],
      ]),
    ]);
    const all = [...notes, lost, looked, told('t1', 'done'), told('t2', 'notDone')];
    mustHold(withNotes(h, [...all, told('t3', 'done'), told('t0', 'unknown')]));
  });

  it('are found when a try reads of two revisions, a key too many, or the future', () => {
    const { h, notes, opened } = moved();
    const torn = [read(A, '100 by t0'), read(B, '130 by t1')];
    mustBreak('K13', withNotes(h, [...notes, tried('t2', opened, torn)]));
    const more = [under('bank/account/', [[A, '100 by t0']])];
    mustBreak('K13', withNotes(h, [...notes, tried('t2', opened, more)]));
    mustBreak('K13', withNotes(h, [...notes, tried('t2', opened + 9, [read('x')])]));
  });

  it('are found when they take effect although a key or a range has changed', () => {
    const { h, notes, opened } = moved();
    const writes: Writes = [['bank/duty/1/a', '1 by t2']];
    commit(h, writes);
    const key = tried('t2', opened, [read(A, '100 by t0')], writes);
    mustBreak('K13', withNotes(h, [...notes, key]));
    const range = tried('t2', opened - 1, [under('bank/account/', [])], writes);
    mustBreak('K13', withNotes(h, [...notes, range]));
  });

  it('are found when they take effect twice, in part, for nobody, or after all', () => {
    const { h, notes } = moved();
    mustBreak('K13', withNotes(h, [...notes, told('t1', 'notDone')]));
    mustBreak('K13', withNotes(h, notes.slice(0, 1)));
    const never = tried('t4', h.revision, [], [[A, '0 by t4']]);
    mustBreak('K13', withNotes(h, [...notes, never, told('t4', 'done')]));
    commit(h, MOVED);
    mustBreak('K13', withNotes(h, notes));
    const part = moved();
    commit(part.h, [[A, '70 by t2']]);
    const whole = tried('t2', part.opened + 1, [], [...MOVED]);
    mustBreak('K13', withNotes(part.h, [...part.notes, whole]));
  });

  it('are found when money is gone, or nobody of a pair is on duty', () => {
    const gone = builder([]);
    txn(gone, [put(A, '100 by x'), put(B, '100 by x')]);
    mustHold(gone.build());
    gone.put(A, '90 by y');
    mustBreak('K13', gone.build());
    const pair = builder([]);
    txn(pair, [put('bank/duty/1/a', '1 by x'), put('bank/duty/1/b', '1 by x')]);
    pair.put('bank/duty/1/a', '0 by y');
    mustHold(pair.build());
    pair.put('bank/duty/1/b', '0 by z');
    mustBreak('K13', pair.build());
  });
});

/**
 * Proves that the table in bench/README.md is the one that its results make, that every note on
 * what bounds a row belongs to a row, and what the figures in the table mean.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadHarness, type Measure, ROOT, type RowResult } from './compiled.js';

type Bounds = Readonly<Record<string, string>>;

const { compare, meetsTarget, spreadOf } = await loadHarness('statistics.js');
const { insertTable, renderTable } = await loadHarness('result-table.js');
const { parseBenchOptions } = await loadHarness('options.js');
const { readResults } = await loadHarness('result.js');

const RESULTS = new URL('bench/results/', ROOT);
const PAGE = 'Before\n<!-- results: begin -->\nold\n<!-- results: end -->\nAfter\n';
const RATE: Measure = { name: 'put', unit: '/s', better: 'more', target: 1 };

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

function results(): readonly RowResult[] {
  return readResults(fileURLToPath(RESULTS));
}

describe('bench/table', () => {
  it('the page holds the table that the results make', () => {
    const bounds = JSON.parse(read('bench/bounds.json')) as Bounds;
    const page = read('bench/README.md');
    assert.equal(page, insertTable(page, renderTable(results(), bounds)));
  });

  it('what is said to bound a row names a row', () => {
    for (const [name, text] of Object.entries(JSON.parse(read('bench/bounds.json')) as Bounds)) {
      assert.ok(existsSync(new URL(`bench/rows/${name}.ts`, ROOT)), name);
      assert.ok(text.length > 0 && !text.includes('|') && !text.includes('\n'), name);
    }
  });

  it('results that are kept are of full runs', () => {
    for (const { name, pairs, scale } of results()) assert.ok(pairs >= 5 && scale === 1, name);
  });

  it('a table replaces what stands between the marks, and nothing else', () => {
    const page = insertTable(PAGE, 'new');
    assert.equal(page, PAGE.replace('old', 'new'));
    assert.throws(() => insertTable('no marks', 'new'), /no <!-- results: begin -->/);
  });

  it('a line tells both medians, the ratio with its spread, the target and the bound', () => {
    const pairs = [
      { tidelock: { put: 900 }, peer: { put: 1000 } },
      { tidelock: { put: 1100 }, peer: { put: 1000 } },
      { tidelock: { put: 2400 }, peer: { put: 2000 } },
    ];
    const result: RowResult = {
      name: 'row-01-unary-put',
      title: 'puts',
      peer: 'etcd',
      date: '2026-01-02',
      pairs: 3,
      seconds: 3,
      scale: 1,
      machine: {
        cores: 2,
        cpuModel: 'a model',
        memoryGib: 8,
        kernel: '6',
        node: 'v20',
        tidelock: '0.1.0',
        npmEtcd3: '1',
        npmLmdb: '3',
        npmGrpcJs: '1',
      },
      measures: [compare(RATE, pairs)],
    };
    const [, , line] = renderTable([result], { 'row-01-unary-put': 'the network' }).split('\n');
    assert.equal(
      line,
      '| 1. puts | put | 1,100 /s | 1,000 /s (etcd) | 1.1 (0.9–1.2) x | >= 1: yes | the network |',
    );
  });

  it('the ratio is the median of the pairs, not the ratio of the medians', () => {
    const pairs = [
      { tidelock: { put: 1 }, peer: { put: 1 } },
      { tidelock: { put: 30 }, peer: { put: 10 } },
      { tidelock: { put: 20 }, peer: { put: 40 } },
    ];
    const { ratio, tidelock, peer } = compare(RATE, pairs);
    assert.deepEqual([ratio.median, ratio.min, ratio.max], [1, 0.5, 3]);
    assert.equal(tidelock.median / peer.median, 2);
    assert.equal(spreadOf([4, 1, 3, 2]).median, 2.5);
  });

  it('a target is a lower bound, or an upper one where less is better', () => {
    const pairs = [{ tidelock: { put: 1 }, peer: { put: 2 } }];
    assert.equal(meetsTarget(compare({ ...RATE, target: 0.5 }, pairs)), true);
    assert.equal(meetsTarget(compare({ ...RATE, target: 0.6 }, pairs)), false);
    assert.equal(meetsTarget(compare({ ...RATE, target: 0.5, better: 'less' }, pairs)), true);
    assert.equal(meetsTarget(compare({ ...RATE, target: 0.4, better: 'less' }, pairs)), false);
  });

  it('a reading that is missing or not positive is an error', () => {
    for (const put of [0, -1, Number.NaN, undefined]) {
      const tidelock = put === undefined ? {} : { put };
      const pairs = [{ tidelock, peer: { put: 1 } }];
      assert.throws(() => compare(RATE, pairs), /a reading of "put" is/);
    }
  });

  it('only full runs are kept by themselves', () => {
    assert.equal(parseBenchOptions([], 'here').out, 'here');
    assert.equal(parseBenchOptions(['--pairs', '7'], 'here').out, 'here');
    for (const quick of [['--tiny'], ['--pairs', '4'], ['--scale', '0.5'], ['--seconds', '1']]) {
      assert.equal(parseBenchOptions(quick, 'here').out, undefined, quick.join(' '));
      assert.equal(parseBenchOptions([...quick, '--out', 'there'], 'here').out, 'there');
    }
    assert.throws(() => parseBenchOptions(['--pairs', 'x'], 'here'), /--pairs: "x"/);
  });
});

import { figure, spreadText, targetText } from './figures.js';
import { machineLine } from './machine.js';
import type { RowResult } from './result.js';

/**
 * The table of bench/README.md, made from results and from the text that says what bounds each row.
 * Nothing in it is typed by hand.
 */

const BEGIN = '<!-- results: begin -->';
const END = '<!-- results: end -->';
const HEAD = [
  '| row | measure | tidelock | peer | ratio (spread) | target | bounded by |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];

/** What bounds a row, by the row's name. */
export type Bounds = Readonly<Record<string, string>>;

export function renderTable(results: readonly RowResult[], bounds: Bounds): string {
  const lines = results.flatMap((result) => rowLines(result, bounds[result.name] ?? ''));
  return [...HEAD, ...lines, '', ...runLines(results)].join('\n');
}

function rowLines(result: RowResult, bound: string): readonly string[] {
  return result.measures.map((measure, at) => {
    const { name, unit, tidelock, peer, ratio } = measure;
    const number = result.name.slice('row-'.length, 'row-00'.length);
    const cells = [
      at === 0 ? `${Number(number)}. ${result.title}` : '',
      name,
      `${figure(tidelock.median)} ${unit}`,
      `${figure(peer.median)} ${unit} (${result.peer})`,
      `${spreadText(ratio)} x`,
      targetText(measure),
      at === 0 ? bound : '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

/** When, how long and where: once for all rows of which that is the same. */
function runLines(results: readonly RowResult[]): readonly string[] {
  const rowsByRun = new Map<string, string[]>();
  for (const result of results) {
    const { date, pairs, seconds, scale, machine } = result;
    const sizes = scale === 1 ? 'full sizes' : `${scale} of the full sizes`;
    const run = `${date}, ${pairs} pairs of ${seconds} s, ${sizes}: ${machineLine(machine)}`;
    const rows = rowsByRun.get(run) ?? [];
    rows.push(String(Number(result.name.slice('row-'.length, 'row-00'.length))));
    rowsByRun.set(run, rows);
  }
  return [...rowsByRun].map(([run, rows]) => `Rows ${rows.join(', ')}: ${run}.`);
}

/** @throws Error when the page has no place for the table */
export function insertTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`no ${BEGIN} and ${END} in the page`);
  return `${page.slice(0, begin + BEGIN.length)}\n${table}\n${page.slice(end)}`;
}

import { toText } from '../../store/index.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import type { Writer } from './unclaimed.js';

const SEQUENCE = /^(.+)\/@sequence$/s;

/** Numbers that one transaction took. */
interface Block {
  readonly from: number;
  /** The first number behind it. */
  readonly to: number;
  readonly revision: number;
  readonly writer: Writer | undefined;
}

/**
 * `K10`, of a sequence: blocks follow each other without overlap; a number is given out once, out
 * of a block that its user has taken; and those of one user grow.
 */
export function checkSequences({ history, births, writers }: RecipeFacts, report: Report): void {
  const blocks = blocksOf(history, writers, report);
  const owners = new Map<string, number>();
  const last = new Map<string, number>();
  for (const note of history.recipes ?? []) {
    if (note.kind !== 'numbered') continue;
    const { name, client, number, atMs } = note;
    const place = `number ${number} of sequence ${name}`;
    const fail = (why: string): void => report.add('K10', why, atMs);
    const other = owners.get(place);
    owners.set(place, client);
    if (other !== undefined) fail(`clients ${other} and ${client} both have ${place}`);
    const before = last.get(`${client} ${name}`) ?? 0;
    last.set(`${client} ${name}`, number);
    if (number <= before) fail(`client ${client} has ${place} after ${before}`);
    const block = blockWith(blocks.get(name) ?? [], number);
    const isOwn = block?.writer?.kind === 'operation' && block.writer.operation.client === client;
    if (block === undefined || !isOwn) fail(`client ${client} has ${place}, and has not taken it`);
    else if (births.earliestMs(block.revision) > atMs)
      fail(`client ${client} has ${place} too early`);
  }
}

function blocksOf(
  history: RecipeFacts['history'],
  writers: RecipeFacts['writers'],
  report: Report,
): ReadonlyMap<string, readonly Block[]> {
  const blocks = new Map<string, Block[]>();
  for (const { revision, events } of history.revisions) {
    for (const { type, kv } of events) {
      const [, name] = SEQUENCE.exec(keyText(kv.key)) ?? [];
      if (name === undefined) continue;
      const known = blocks.get(name) ?? [];
      blocks.set(name, known);
      const from = known.at(-1)?.to ?? 1;
      const to = type === 'put' ? Number(toText(kv.value)) : 0;
      if (to > from) known.push({ from, to, revision, writer: writers[revision] });
      else report.add('K10', `sequence ${name}: revision ${revision} goes from ${from} to ${to}`);
    }
  }
  return blocks;
}

function blockWith(blocks: readonly Block[], number: number): Block | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as Block).to <= number) low = middle + 1;
    else high = middle;
  }
  const found = blocks[low];
  return found !== undefined && found.from <= number ? found : undefined;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, spreadText, targetText } from './figures.js';
import { describeMachine, machineLine } from './machine.js';
import { type BenchOptions, OPTIONS_HELP, parseBenchOptions } from './options.js';
import { RESULTS } from './paths.js';
import { reasonMissing } from './peers.js';
import { writeResult } from './result.js';
import type { Reading, Row, RowContext, Sides } from './row.js';
import { compare, type Pair } from './statistics.js';

/** Where the data of the servers lies: on the same disk for both sides. */
const FOLDER_VARIABLE = 'TIDELOCK_BENCH_DIR';
/** The exit code of a row that could not be measured here. */
export const SKIPPED_EXIT_CODE = 3;

/**
 * The main program of a row: reads its flags, takes its readings in turn (ours, theirs, ours, …),
 * prints them and writes the result. A row whose peer is missing says so and measures nothing.
 */
export async function runRow(row: Row): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(`${row.name}: ${row.title}`);
    if (row.cost !== undefined) console.log(`A full run takes ${row.cost}.`);
    console.log(OPTIONS_HELP);
    return;
  }
  const options = parseBenchOptions(args, fileURLToPath(RESULTS));
  console.log(`${row.name}: ${row.title}`);
  for (const need of row.needs) {
    const reason = await reasonMissing(need);
    if (reason === undefined) continue;
    console.log(`  not measured: ${reason}`);
    process.exitCode = SKIPPED_EXIT_CODE;
    return;
  }
  const parent = process.env[FOLDER_VARIABLE] ?? tmpdir();
  const folder = await mkdtemp(join(parent, 'tidelock-bench-'));
  try {
    await measure(row, options, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(row: Row, options: BenchOptions, folder: string): Promise<void> {
  const machine = await describeMachine();
  const pairs = await takePairs(row, contextOf(options, folder));
  const measures = row.measures.map((one) => compare(one, pairs));
  for (const result of measures) {
    console.log(`  ${result.name}: ratio ${spreadText(result.ratio)}, ${targetText(result)}`);
    console.log(`    tidelock ${spreadText(result.tidelock)} ${result.unit}`);
    console.log(`    ${row.peer} ${spreadText(result.peer)} ${result.unit}`);
  }
  console.log(`  ${options.pairs} pairs of ${options.seconds} s, scale ${options.scale}`);
  console.log(`  ${machineLine(machine)}`);
  if (options.out === undefined) return;
  const path = writeResult(options.out, {
    name: row.name,
    title: row.title,
    peer: row.peer,
    date: new Date().toISOString().slice(0, 10),
    pairs: options.pairs,
    seconds: options.seconds,
    scale: options.scale,
    machine,
    measures,
  });
  console.log(`  written to ${path}`);
}

function contextOf(options: BenchOptions, folder: string): RowContext {
  const scaled = (size: number, least = 1): number =>
    Math.max(least, Math.round(size * options.scale));
  return { options, folder, scaled };
}

async function takePairs(row: Row, context: RowContext): Promise<readonly Pair[]> {
  const sides: Sides = await row.open(context);
  const pairs: Pair[] = [];
  try {
    for (let at = 1; at <= context.options.pairs; at++) {
      const tidelock = await sides.tidelock();
      console.log(`  pair ${at}  tidelock  ${readingText(tidelock)}`);
      const peer = await sides.peer();
      console.log(`  pair ${at}  peer      ${readingText(peer)}`);
      pairs.push({ tidelock, peer });
    }
  } finally {
    await sides.close?.();
  }
  return pairs;
}

function readingText(reading: Reading): string {
  return Object.entries(reading)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');
}

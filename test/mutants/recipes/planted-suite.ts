// Runs a suite of the recipes against a copy of the compiled code, with a bug planted or without.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../house/repository.js';
import { edited } from '../planted-copy.js';
import type { RecipeBug } from './recipe-bug.js';

const PARTS: readonly string[] = [
  'src/ports',
  'src/store',
  'src/kernel',
  'src/recipes',
  'src/simulation',
  'test/support',
  'test/recipes',
];
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js');
const LIMIT_MS = 60_000;

/** What came of a run. */
export interface SuiteOutcome {
  /** The titles of what passed. */
  readonly passed: readonly string[];
  /** The titles of what failed; one alone when the run stopped at the first. */
  readonly failed: readonly string[];
}

export class PlantedSuite {
  readonly #scratch: string;
  readonly #changed = new Set<string>();

  constructor() {
    this.#scratch = mkdtempSync(join(tmpdir(), 'tidelock-recipe-bugs-'));
    const isWanted = (path: string): boolean => !/\.(?:d\.ts|map|tsbuildinfo)$/.test(path);
    for (const part of PARTS) {
      const from = join(ROOT, 'build', part);
      cpSync(from, join(this.#scratch, part), { recursive: true, filter: isWanted });
    }
    writeFileSync(join(this.#scratch, 'package.json'), '{ "type": "module" }\n');
    symlinkSync(join(ROOT, 'node_modules'), join(this.#scratch, 'node_modules'));
  }

  /** Runs what has to find a bug, with the bug in place, up to the first test that fails. */
  async runPlanted({ edits, suite, title }: RecipeBug): Promise<SuiteOutcome> {
    this.#restore();
    for (const edit of edits) {
      const path = join(this.#scratch, 'src', edit.file);
      writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
      this.#changed.add(edit.file);
    }
    return await this.#run(suite, ['--bail', '--fgrep', title]);
  }

  /** Runs the tests of a suite that have one of the titles, without any bug. */
  async runSound(suite: string, titles: readonly string[]): Promise<SuiteOutcome> {
    this.#restore();
    const patterns = titles.map((title) => title.replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&'));
    return await this.#run(suite, ['--grep', patterns.join('|')]);
  }

  /** To be called at the end. */
  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #run(suite: string, choice: readonly string[]): Promise<SuiteOutcome> {
    const path = join(this.#scratch, 'test/recipes', suite);
    const flags = ['--no-config', '--no-package', '--reporter', 'json', '--timeout', '30000'];
    return parseReport(await runNode([MOCHA, ...flags, '--exit', path, ...choice]));
  }

  #restore(): void {
    for (const file of this.#changed) {
      cpSync(join(ROOT, 'build/src', file), join(this.#scratch, 'src', file));
    }
    this.#changed.clear();
  }
}

/** What the process printed; a run that hangs is ended, and counts by what it printed. */
function runNode(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    // A bug is found in the short form of a suite, or its test is too weak.
    const env = { ...process.env, TIDELOCK_CI: '0' };
    const limits = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 64 << 20, env } as const;
    // A failing suite ends with a code of its own; the report says all that is asked.
    execFile(process.execPath, [...args], limits, (_error, stdout) => resolve(stdout));
  });
}

interface Report {
  readonly passes: readonly { readonly fullTitle: string }[];
  readonly failures: readonly { readonly fullTitle: string }[];
}

function parseReport(text: string): SuiteOutcome {
  const start = text.indexOf('{');
  if (start < 0) return { passed: [], failed: ['the run itself, which told nothing'] };
  const { passes, failures } = JSON.parse(text.slice(start)) as Report;
  const titles = (tests: Report['passes']): string[] => tests.map(({ fullTitle }) => fullTitle);
  return { passed: titles(passes), failed: titles(failures) };
}

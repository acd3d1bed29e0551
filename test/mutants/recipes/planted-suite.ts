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
  readonly passed: number;
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

  /** Runs what has to find `bug`; with the bug in place if `isPlanted`. */
  async run(bug: RecipeBug, isPlanted: boolean): Promise<SuiteOutcome> {
    this.#restore();
    if (isPlanted) {
      for (const edit of bug.edits) {
        const path = join(this.#scratch, 'src', edit.file);
        writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
        this.#changed.add(edit.file);
      }
    }
    const suite = join(this.#scratch, 'test/recipes', bug.suite);
    const titles = ['--fgrep', bug.title];
    const flags = ['--no-config', '--no-package', '--reporter', 'json', '--timeout', '30000'];
    return parseReport(await runNode([MOCHA, ...flags, '--bail', '--exit', suite, ...titles]));
  }

  /** To be called at the end. */
  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
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
    const limits = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 64 << 20 } as const;
    // A failing suite ends with a code of its own; the report says all that is asked.
    execFile(process.execPath, [...args], limits, (_error, stdout) => resolve(stdout));
  });
}

interface Report {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly fullTitle: string }[];
}

function parseReport(text: string): SuiteOutcome {
  const start = text.indexOf('{');
  if (start < 0) return { passed: 0, failed: ['the run itself, which did not end'] };
  const { stats, failures } = JSON.parse(text.slice(start)) as Report;
  return { passed: stats.passes, failed: failures.map(({ fullTitle }) => fullTitle) };
}

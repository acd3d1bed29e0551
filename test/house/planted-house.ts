/**
 * A small copy of the house in a temporary folder: the real compiler and linter settings around
 * files that a test plants. Faults can be tried in it without touching the working tree.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './repository.js';
import { ROOMS } from './rooms.js';

/** What a program printed, both streams together, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export class PlantedHouse {
  readonly #root: string = mkdtempSync(join(tmpdir(), 'tidelock-house-'));

  constructor() {
    const settings = ['package.json', 'tsconfig.base.json', '.oxlintrc.json', 'types'];
    const rooms = ROOMS.map(({ name }) => join('src', name, 'tsconfig.json'));
    for (const path of [...settings, ...rooms]) {
      cpSync(join(ROOT, path), join(this.#root, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.#root, 'node_modules'));
  }

  plant(path: string, text: string): void {
    const place = join(this.#root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }

  /** Runs a program of node_modules/.bin in the copy. */
  run(program: string, ...args: readonly string[]): Promise<Outcome> {
    const file = join(ROOT, 'node_modules', '.bin', program);
    return new Promise((resolve) => {
      const child = execFile(file, args, { cwd: this.#root }, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, output: stdout + stderr });
      });
    });
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

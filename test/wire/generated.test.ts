// Proves that src/wire/gen is what the proto files say: a fresh run of the generator gives the same
// files, no more and no fewer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

describe('generated protobuf code', () => {
  it('matches a fresh run of scripts/generate.mjs', () => {
    const root = process.cwd();
    const committed = join(root, 'src/wire/gen');
    const scratch = mkdtempSync(join(tmpdir(), 'tidelock-gen-'));
    try {
      const fresh = join(scratch, 'gen');
      execFileSync(process.execPath, [join(root, 'scripts/generate.mjs'), fresh], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const names = filesIn(fresh);
      assert.ok(names.length >= 12, `only ${names.length} files were generated`);
      assert.deepEqual(filesIn(committed), names);
      for (const name of names) {
        assert.equal(
          readFileSync(join(committed, name), 'utf8'),
          readFileSync(join(fresh, name), 'utf8'),
          `${name} is stale: run npm run generate`,
        );
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});

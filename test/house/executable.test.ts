// Proves that the tool can be run as a program in a clone, as `npx tidelock` does it: the compiler
// gives nothing that it writes the right to be run.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { skipWhen } from '../support/skip.js';
import { ROOT } from './repository.js';

describe('the tool in a clone', () => {
  it('may be run', function () {
    const isWindows = process.platform === 'win32';
    skipWhen(this, isWindows ? 'Windows knows programs by their names' : undefined);
    const { mode } = statSync(join(ROOT, 'build/src/cli/main.js'));
    assert.equal(mode & 0o111, 0o111, '`npm run build` makes it so');
  });
});

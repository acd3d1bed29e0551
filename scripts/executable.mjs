// Makes the compiled tool executable, which the compiler does not: `npx tidelock` in a clone runs
// the file itself. Installed packages get the same from npm.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';

chmodSync(join(import.meta.dirname, '..', 'build/src/cli/main.js'), 0o755);

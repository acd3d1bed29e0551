// Proves that the version which a member announces as its own is the package's, and that the etcd
// version is one that clients can take apart.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ETCD_VERSION, TIDELOCK_VERSION, versionLines } from '../../src/server/version.js';

describe('versions', () => {
  it('follow the package', () => {
    const path = join(import.meta.dirname, '../../../package.json');
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
    assert.equal(TIDELOCK_VERSION, version);
  });

  it('are plain where clients compare them', () => {
    assert.match(ETCD_VERSION, /^\d+\.\d+\.\d+$/);
    assert.equal(versionLines()[0], `etcd Version: ${ETCD_VERSION}`);
  });
});

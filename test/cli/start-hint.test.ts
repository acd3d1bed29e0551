// Proves that the command which starts a member can be pasted: it is broken as a shell takes it,
// and listens where no other member of the cluster does.
import assert from 'node:assert/strict';
import { startHint } from '../../src/cli/start-hint.js';

const clientUrlOf = (peerUrl: string, takenUrls: readonly string[]): string | undefined =>
  startHint({ name: 'n', peerUrls: [peerUrl], takenUrls })
    .map((line) => /--listen-client-urls (\S+)/.exec(line)?.[1])
    .find((url) => url !== undefined);

describe('startHint', () => {
  it('is one command on several lines', () => {
    const lines = startHint({
      name: 'n4',
      dataDir: '/data',
      flags: ['--initial-cluster-state existing'],
      peerUrls: ['http://10.0.0.4:2380'],
      takenUrls: [],
    });
    assert.deepEqual(lines, [
      '  tidelock serve --name n4 --data-dir /data \\',
      '    --initial-cluster-state existing \\',
      '    --listen-peer-urls http://10.0.0.4:2380 \\',
      '    --listen-client-urls http://10.0.0.4:2379',
    ]);
  });

  it('proposes a port for clients that nobody has', () => {
    const here = 'http://127.0.0.1';
    assert.equal(clientUrlOf(`${here}:42380`, [`${here}:2379`]), `${here}:42379`);
    assert.equal(clientUrlOf(`${here}:2381`, [`${here}:2380`, `${here}:2379`]), `${here}:3380`);
    assert.equal(clientUrlOf('http://[::1]:2380', []), 'http://[::1]:2379');
    assert.equal(clientUrlOf(`${here}:1`, []), undefined);
    assert.equal(clientUrlOf('odd', []), undefined);
  });
});

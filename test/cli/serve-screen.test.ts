// Proves that the screen of a started member does not promise more than it can keep: one of several
// serves when most of them run, one that joins when it has joined.
import assert from 'node:assert/strict';
import { type ScreenMember, serveScreen } from '../../src/cli/serve-screen.js';
import type { RunningServer } from '../../src/server/index.js';
import { parseServerConfig } from '../../src/server/config.js';
import { FakeKernel } from '../server/support/fake-kernel.js';

describe('the screen of serve', () => {
  const kernel = new FakeKernel();

  after(() => kernel.close());

  function ready(names: readonly string[]): string {
    const server: RunningServer = {
      kernel,
      clientUrls: ['http://127.0.0.1:1'],
      peerUrls: ['http://127.0.0.1:2'],
      advertisedUrls: ['http://127.0.0.1:1'],
      failed: kernel.failed,
      stop: () => Promise.resolve(),
    };
    const members: ScreenMember[] = names.map((name) => ({ name, peerUrls: [] }));
    const screen = serveScreen(parseServerConfig({}, {}), server, members, false);
    return screen.split('\n').find((line) => line.startsWith('ready')) ?? '';
  }

  it('says when it serves', () => {
    const next = 'Try in another terminal:';
    assert.equal(ready(['a']), `ready to serve client requests. ${next}`);
    const three = `ready to serve client requests, as soon as 2 of the 3 members run. ${next}`;
    assert.equal(ready(['a', 'b', 'c']), three);
    assert.match(ready(['a', 'b', 'c', 'd']), /3 of the 4 members/);
    assert.equal(ready([]), `ready to serve client requests once it has joined. ${next}`);
  });
});

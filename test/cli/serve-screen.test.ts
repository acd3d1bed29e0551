// Proves that the screen of a started member does not promise more than it can keep: what it waits
// for is said while it waits, and nothing of being ready.
import assert from 'node:assert/strict';
import { type ScreenMember, serveScreen, waitingScreen } from '../../src/cli/serve-screen.js';
import type { RunningServer } from '../../src/server/index.js';
import { parseServerConfig } from '../../src/server/config.js';
import { FakeKernel } from '../server/support/fake-kernel.js';

describe('the screen of serve', () => {
  const kernel = new FakeKernel();

  after(() => kernel.close());

  function membersOf(names: readonly string[]): ScreenMember[] {
    return names.map((name) => ({ name, peerUrls: [] }));
  }

  function screenOf(names: readonly string[]): string {
    const server: RunningServer = {
      kernel,
      clientUrls: ['http://127.0.0.1:1'],
      peerUrls: ['http://127.0.0.1:2'],
      advertisedUrls: ['http://127.0.0.1:1'],
      ready: Promise.resolve(true),
      failed: kernel.failed,
      stop: () => Promise.resolve(),
    };
    return serveScreen(parseServerConfig({}, {}), server, membersOf(names), false);
  }

  it('says when it serves, and of whom the cluster is', () => {
    const line = 'ready to serve client requests. Try in another terminal:';
    assert.ok(screenOf(['a']).includes(line));
    assert.ok(!screenOf(['a']).includes('cluster '));
    const three = screenOf(['a', 'b', '']);
    assert.ok(three.includes(line));
    assert.match(three, /cluster {2}a b /);
  });

  it('says what it waits for', () => {
    const waiting = (names: readonly string[]) => waitingScreen(membersOf(names));
    assert.match(
      waiting(['a', 'b', 'c']),
      /waits for a leader, and 2 of the 3 members must run\.\n$/,
    );
    assert.match(waiting(['a', 'b', 'c', 'd']), /3 of the 4 members/);
    assert.match(waiting([]), /waits for the cluster that it joins\.\n$/);
    assert.match(waiting(['a']), /waits for its own election\.\n$/);
    for (const names of [[], ['a'], ['a', 'b']]) assert.doesNotMatch(waiting(names), /ready/);
  });
});

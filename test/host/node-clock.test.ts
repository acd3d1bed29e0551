// The machine's clock and chance keep what the ports promise of them; the one place where tests
// wait for real time, a few milliseconds of it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { NodeClock } from '../../src/host/node-clock.js';
import { NodeRandom } from '../../src/host/node-random.js';

describe('NodeClock', () => {
  const module = new URL('../../src/host/node-clock.js', import.meta.url).href;

  it('never goes back and tells people the time', () => {
    const clock = new NodeClock();
    const first = clock.monotonic();
    assert.ok(clock.monotonic() >= first);
    assert.ok(Math.abs(clock.wall() - Date.now()) < 1000);
  });

  it('fires once, never early', async () => {
    const clock = new NodeClock();
    for (const delayMs of [0, 1, 2.5, 7]) {
      const start = clock.monotonic();
      // The test itself must keep the process alive: the clock's timer does not.
      const keepAlive = setInterval(() => {}, 1000);
      await new Promise<void>((fired) => clock.timer(delayMs, fired));
      clearInterval(keepAlive);
      assert.ok(clock.monotonic() - start >= delayMs);
    }
  });

  it('does not fire after it was cancelled', async () => {
    const clock = new NodeClock();
    const timer = clock.timer(1, () => assert.fail('fired'));
    timer.cancel();
    timer.cancel();
    await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('gives timers and files their turn, and keeps a process alive for it', () => {
    const program = `import { NodeClock } from '${module}';
      const clock = new NodeClock();
      let fired = false;
      clock.timer(1, () => { fired = true; });
      const dueMs = clock.monotonic() + 2;
      while (clock.monotonic() < dueMs);
      await clock.nextTurn();
      await clock.nextTurn();
      process.exit(fired ? 0 : 3);`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 40_000,
    });
    assert.equal(child.status, 0, String(child.stderr));
  });

  it('does not keep a process alive', () => {
    const program = `import { NodeClock } from '${module}'; new NodeClock().timer(3e9, () => {});`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 40_000,
    });
    assert.equal(child.status, 0, String(child.stderr));
  });
});

describe('NodeRandom', () => {
  it('gives numbers in range, and other ones each time', () => {
    const random = new NodeRandom();
    const seen = new Set(Array.from({ length: 200 }, () => random.below(3)));
    assert.deepEqual(seen, new Set([0, 1, 2]));
    const values = Array.from({ length: 100 }, () => random.split('same').int63());
    assert.equal(new Set(values).size, 100);
    assert.ok(values.every((value) => value > 0n && value < 1n << 63n));
    assert.match(random.hex(8), /^[0-9a-f]{16}$/);
  });
});

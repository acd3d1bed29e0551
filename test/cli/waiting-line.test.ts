// Proves that the waiting line shows on a terminal and nowhere else, fits it, and is gone
// afterwards.
import assert from 'node:assert/strict';
import { WaitingLine } from '../../src/cli/waiting-line.js';

class FakeScreen {
  readonly isTTY: boolean;
  readonly columns: number;
  written: string[] = [];
  onWrite: () => void = () => undefined;

  constructor(isTTY: boolean, columns = 20) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.written.push(text);
    this.onWrite();
  }
}

describe('WaitingLine', () => {
  it('shows one line that fits, and clears it', async () => {
    const screen = new FakeScreen(true);
    const written = new Promise<void>((resolve) => (screen.onWrite = resolve));
    const line = new WaitingLine(() => Promise.resolve('x'.repeat(50)), screen);
    await written;
    line[Symbol.dispose]();
    assert.deepEqual(screen.written, [`\r\u001b[2K${'x'.repeat(19)}`, '\r\u001b[2K']);
  });

  it('shows the line where the width is not known', async () => {
    const screen = new FakeScreen(true, 0);
    const written = new Promise<void>((resolve) => (screen.onWrite = resolve));
    using _line = new WaitingLine(() => Promise.resolve('text'), screen, 1);
    await written;
    assert.deepEqual(screen.written, ['\r\u001b[2Ktext']);
  });

  it('says so when it cannot look', async () => {
    const screen = new FakeScreen(true);
    const written = new Promise<void>((resolve) => (screen.onWrite = resolve));
    using _line = new WaitingLine(() => Promise.reject(new Error('gone')), screen);
    await written;
    assert.match(screen.written[0] ?? '', /waiting; the server/);
  });

  it('waits as long as it is told before it shows anything', async () => {
    const screen = new FakeScreen(true);
    const soon = new FakeScreen(true);
    const written = new Promise<void>((resolve) => (soon.onWrite = resolve));
    using _late = new WaitingLine(() => Promise.resolve('late'), screen, 60_000);
    using _soon = new WaitingLine(() => Promise.resolve('soon'), soon, 1);
    await written;
    assert.deepEqual(screen.written, []);
  });

  it('shows nothing where nobody looks, nor when the wait was short', () => {
    for (const isTTY of [true, false]) {
      const screen = new FakeScreen(isTTY);
      new WaitingLine(() => Promise.resolve('text'), screen)[Symbol.dispose]();
      assert.deepEqual(screen.written, []);
    }
  });
});

/**
 * One real member on one data folder that is started again and again, with an environment and a
 * folder that the test may have spoiled. A start may fail: that is what its tests are about. It
 * remembers every write and knows which of them must be there.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askMember, connect } from '../../../src/client/index.js';
import { isStoreError, LIMITS, prefix, type Store, toText } from '../../../src/store/index.js';
import { freePorts } from '../../server/support/free-ports.js';
import { scratchFolder } from '../../support/scratch-folder.js';
import { ServerProcess } from '../../support/server-process.js';
import { clearAlarms } from './alarms.js';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
/** Long, for a machine with much else to do. */
const UP_WITHIN_MS = 60_000;
const ENDS_WITHIN_MS = 30_000;
const CALL_WITHIN_MS = 10_000;
const STATUS_WITHIN_MS = 5000;
/**
 * What glibc says when lmdb has written the text of a failed write over the end of its buffer (100
 * bytes, in lmdb 3.5): the process, which has said its reason, then ends by SIGABRT and not by
 * exit.
 */
const OVERRUN = /corrupted size vs\. prev_size|malloc\(\)|free\(\)|Write error: .* buffer sizes/;
/** Exit codes of a start that failed, and of a member that stopped itself. */
const OWN_EXIT_CODES: readonly (number | null)[] = [1, 70];
const FLAGS = [
  ...['--snapshot-count', '20', '--backend-batch-interval', '5ms', '--backend-batch-limit', '20'],
];

export class LoneMember {
  readonly folder: string;
  readonly dataDir: string;
  readonly #process = new ServerProcess();
  /** Values by key: those that were acknowledged, and those of which nobody knows. */
  readonly #acknowledged = new Map<string, string>();
  readonly #unknown = new Map<string, string>();
  #launchedAt = 0;
  #endpoint = '';
  #writes = 0;

  constructor(parent = scratchFolder()) {
    this.folder = mkdtempSync(join(parent, 'tidelock-lone-'));
    this.dataDir = join(this.folder, 'data');
  }

  get running(): boolean {
    return this.#process.running;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** What it logged since it was started for the last time. */
  get log(): string {
    return this.#process.log.slice(this.#launchedAt);
  }

  /** @returns whether it came up; when it did not, it has ended */
  async start(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
    const [client = 0, peer = 0] = await freePorts(2);
    this.#endpoint = `http://127.0.0.1:${client}`;
    this.#launchedAt = this.#process.log.length;
    const urls = ['--listen-client-urls', this.#endpoint];
    const peers = ['--listen-peer-urls', `http://127.0.0.1:${peer}`];
    const args = ['serve', '--data-dir', this.dataDir, ...urls, ...peers, ...FLAGS];
    this.#process.launch(process.execPath, [PROGRAM, ...args], env);
    const untilMs = performance.now() + UP_WITHIN_MS;
    while (this.#process.running && performance.now() < untilMs) {
      try {
        await askMember(this.#endpoint, { timeoutMs: 1000 });
        return true;
      } catch (error) {
        if (!isStoreError(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    }
    assert.ok(!this.#process.running, `it neither serves nor ends: ${this.log}`);
    return false;
  }

  /** Nothing that was acknowledged is missing, and nothing is there that nobody wrote. */
  async check(): Promise<void> {
    const store = await connect(this.#endpoint);
    try {
      const { kvs } = await store.range(prefix('f/'));
      const found = new Map(kvs.map(({ key, value }) => [toText(key), toText(value)]));
      for (const [key, value] of this.#acknowledged) {
        assert.equal(found.get(key), value, `${key} was acknowledged`);
      }
      for (const [key, value] of found) {
        const known = this.#acknowledged.get(key) ?? this.#unknown.get(key);
        assert.equal(value, known, `nobody wrote ${key}`);
      }
    } finally {
      await store.close();
    }
  }

  /** Writes until it ends, or so many times, or until writes are refused. */
  async write(count: number, together = 2): Promise<void> {
    const store = await connect(this.#endpoint, { retryMs: 0 }).catch(() => undefined);
    if (store === undefined) return;
    let left = count;
    const writer = async (): Promise<void> => {
      while (this.#process.running && left-- > 0 && (await this.#put(store)));
    };
    await Promise.all(Array.from({ length: together }, writer));
    await store.close();
  }

  /** @returns whether there is any point in going on */
  async #put(store: Store): Promise<boolean> {
    const key = `f/${this.#writes++}`;
    // Now and then one that needs pages of its own.
    const value = this.#writes % 10 === 0 ? `${key}${'.'.repeat(9000)}` : key;
    try {
      await store.put({ key, value }, { signal: AbortSignal.timeout(CALL_WITHIN_MS) });
      this.#acknowledged.set(key, value);
      return true;
    } catch (error) {
      if (!isStoreError(error)) throw error;
      if (!isStoreError(error, 'NoSpace')) this.#unknown.set(key, value);
      return false;
    }
  }

  /** Resolves when it has raised the alarm, of its own accord. */
  async raises(alarm: 'NOSPACE'): Promise<void> {
    const untilMs = performance.now() + ENDS_WITHIN_MS;
    for (;;) {
      const raised = await askMember(this.#endpoint, { timeoutMs: STATUS_WITHIN_MS }).then(
        ({ alarms }) => alarms,
        (): readonly string[] => [],
      );
      if (raised.includes(alarm)) return;
      assert.ok(this.running, `it has ended: ${this.log}`);
      assert.ok(performance.now() < untilMs, `no alarm ${alarm}: ${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What an operator does once the reason is gone, for some time until it is noticed. */
  async clearAlarms(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2 * LIMITS.diskCheckMs));
    await clearAlarms(this.#endpoint);
  }

  /** Whether it has ended, or does within this time. */
  async ends(withinMs = ENDS_WITHIN_MS): Promise<boolean> {
    const untilMs = performance.now() + withinMs;
    while (this.running && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return !this.running;
  }

  /** Resolves when it has ended by itself, not by a signal. @returns what it said */
  async endsByItself(): Promise<string> {
    assert.ok(await this.ends(), `it goes on: ${this.log}`);
    const code = await this.#process.end('SIGKILL');
    const isOverrun = code === null && OVERRUN.test(this.log);
    assert.ok(
      OWN_EXIT_CODES.includes(code) || isOverrun,
      `it ended with code ${code}: ${this.log}`,
    );
    return this.log;
  }

  async terminate(): Promise<number | null> {
    return await this.#process.end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

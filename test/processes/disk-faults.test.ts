// Proves what becomes of a real member when its disk fails: the n-th write or sync of a kind of
// file, for many n. It ends by itself with a reason, or refuses to start; what it acknowledged is
// there when it starts again on a sound disk, and nobody has to repair anything.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inCi } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';
import { type Fault, faultEnvironment, faultShimMissing, faultsIn } from './support/fault-shim.js';
import { LoneMember } from './support/lone-member.js';

const NTH_MAX = 50;
const FEW: readonly number[] = [1, 7];
const SOME: readonly number[] = [1, 2, 3, 5, 8, 13, 21, 34, 50];
const WRITES = 300;
const ENDS_SOON_MS = 5000;
/** The system's words for what failed, or ours. */
const REASON =
  /EIO|ENOSPC|Input\/output error|No space left|disk is full|Update of meta page failed/;

type Kind = Omit<Fault, 'nth'>;

/** The kinds of which every n is tried, and those of which some are. */
const OFTEN: readonly Kind[] = [
  { path: '.wal', call: 'write', kind: 'eio' },
  { path: 'data.mdb', call: 'sync', kind: 'eio' },
];
const NOW_AND_THEN: readonly Kind[] = [
  { path: '.wal', call: 'write', kind: 'short' },
  { path: '.wal', call: 'write', kind: 'enospc' },
  { path: 'wal', call: 'sync', kind: 'eio' },
  { path: 'data.mdb', call: 'write', kind: 'eio' },
  { path: 'data.mdb', call: 'write', kind: 'short' },
  { path: 'data.mdb', call: 'write', kind: 'enospc' },
];

function numbersOf(kind: Kind): readonly number[] {
  if (!inCi) return OFTEN.includes(kind) ? FEW : FEW.slice(0, 1);
  if (!OFTEN.includes(kind)) return SOME;
  return Array.from({ length: NTH_MAX }, (_, at) => at + 1);
}

describe('a member whose disk fails', function () {
  this.timeout(300_000);
  let member: LoneMember;
  let logs: string;

  before(async function () {
    skipWhen(this, faultShimMissing());
    logs = mkdtempSync(join(tmpdir(), 'tidelock-faults-'));
    // The first start has a test of its own.
    member = new LoneMember();
    assert.ok(await member.start(), member.log);
    await member.write(20);
    assert.equal(await member.terminate(), 0);
  });
  after(async () => {
    await member?.remove();
    if (logs !== undefined) rmSync(logs, { recursive: true });
  });

  /** One start with a fault. @returns whether it came to pass */
  async function attempt(fault: Fault): Promise<boolean> {
    const log = join(logs, `${fault.path}-${fault.call}-${fault.kind}-${fault.nth}`);
    const isUp = await member.start(faultEnvironment(fault, log));
    if (isUp) {
      await member.check().catch(async (error: unknown) => {
        // It may be over at once, and its end is heard of later than the call that failed by it.
        if (!(await member.ends(ENDS_SOON_MS))) throw error;
      });
      await member.write(WRITES);
    }
    const happened = (): boolean => faultsIn(log).length > 0;
    // What a short write left out may have been written by the next one.
    if (member.running && (!happened() || fault.kind === 'short')) {
      if ((await member.terminate()) === 0) return happened();
      // It was one of its last calls that failed.
      assert.ok(happened(), member.log);
    }
    assert.match(await member.endsByItself(), REASON);
    return true;
  }

  for (const kind of [...OFTEN, ...NOW_AND_THEN]) {
    it(`${kind.kind} at a ${kind.call} of ${kind.path}`, async () => {
      let happened = 0;
      for (const nth of numbersOf(kind)) {
        if (await attempt({ ...kind, nth })) happened++;
      }
      assert.ok(happened > 0, 'no call failed');
    });
  }

  it('is as it was on a sound disk, with all that was acknowledged', async () => {
    assert.ok(await member.start(), member.log);
    await member.check();
    await member.write(5);
    assert.equal(await member.terminate(), 0);
    assert.ok(member.acknowledgedCount > 25);
  });

  it('at its first start leaves nothing that a second one could not use', async () => {
    const faults: readonly Fault[] = [
      { path: 'data', call: 'sync', nth: 1, kind: 'eio' },
      { path: 'wal', call: 'write', nth: 5, kind: 'eio' },
      { path: 'wal', call: 'rename', nth: 1, kind: 'eio' },
      { path: 'spare.tmp', call: 'write', nth: 3, kind: 'eio' },
      { path: 'spare.tmp', call: 'write', nth: 100, kind: 'enospc' },
      { path: 'data.mdb', call: 'write', nth: 1, kind: 'enospc' },
    ];
    const fresh = new LoneMember();
    try {
      for (const [at, fault] of (inCi ? faults : faults.slice(1, 3)).entries()) {
        const log = join(logs, `first-${at}`);
        const isUp = await fresh.start(faultEnvironment(fault, log));
        if (isUp) await fresh.terminate();
        else assert.match(await fresh.endsByItself(), REASON);
      }
      assert.ok(await fresh.start(), fresh.log);
      await fresh.write(5);
      assert.ok(fresh.acknowledgedCount > 0);
    } finally {
      await fresh.remove();
    }
  });
});

describe('a member whose disk is full', function () {
  this.timeout(180_000);
  let mount: string;
  /** How this user mounts and unmounts; undefined when there is no way. */
  let asRoot: readonly string[] | undefined;

  function run(...words: readonly string[]): string | undefined {
    const [program = '', ...args] = words;
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    return status === 0 ? undefined : (error?.message ?? stderr);
  }

  before(function () {
    mount = mkdtempSync(join(tmpdir(), 'tidelock-full-'));
    const small = ['mount', '-t', 'tmpfs', '-o', 'size=400m,mode=1777', 'tmpfs', mount];
    const ways: readonly (readonly string[])[] = [[], ['sudo', '-n']];
    asRoot = ways.find((way) => run(...way, ...small) === undefined);
    skipWhen(this, asRoot === undefined ? 'no small disk without the right to mount' : undefined);
  });
  after(() => {
    if (asRoot !== undefined) run(...asRoot, 'umount', '-l', mount);
    rmSync(mount, { recursive: true, force: true });
  });

  /** Leaves that much of the disk, in the words of truncate. */
  function fill(filler: string, left: string): void {
    spawnSync('sh', ['-c', `head -c 500m /dev/zero > ${filler}; truncate -s -${left} ${filler}`]);
  }

  it('refuses writes while there is room for the alarm, and takes them when it is cleared', async () => {
    const member = new LoneMember(mount);
    const filler = join(mount, 'filler');
    try {
      assert.ok(await member.start(), member.log);
      await member.write(20);
      const before = member.acknowledgedCount;
      assert.equal(before, 20);
      fill(filler, '100M');
      await member.raises('NOSPACE');
      await member.write(5);
      assert.equal(member.acknowledgedCount, before, 'it took writes');
      await member.check();
      await member.terminate();
      assert.ok(await member.start(), member.log);
      await member.write(1);
      assert.equal(member.acknowledgedCount, before, 'it forgot the alarm');
      rmSync(filler);
      await member.clearAlarms();
      await member.write(5);
      assert.equal(member.acknowledgedCount, before + 5);
      await member.check();
    } finally {
      await member.remove();
    }
  });

  it('says so, keeps what it acknowledged, and goes on when there is room again', async () => {
    const member = new LoneMember(mount);
    const filler = join(mount, 'filler');
    try {
      assert.ok(await member.start(), member.log);
      await member.write(20);
      // So fast that it may not see it coming.
      fill(filler, '100K');
      await member.write(4000, 8);
      // It may also be about to end, and then nobody answers who could tell of an alarm.
      const isWarned = await member.raises('NOSPACE').then(
        () => true,
        () => false,
      );
      if (!isWarned) assert.match(await member.endsByItself(), REASON);
      await member.terminate();
      rmSync(filler);
      assert.ok(await member.start(), member.log);
      await member.check();
      await member.clearAlarms();
      const before = member.acknowledgedCount;
      assert.ok(before >= 20);
      await member.write(5);
      assert.equal(member.acknowledgedCount, before + 5);
    } finally {
      await member.remove();
    }
  });
});

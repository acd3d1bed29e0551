// Proves which groups FleetLock serves: those that exist always, others as long as there are few;
// and that whoever asks for one new group after the other does not make a member count for each.
import assert from 'node:assert/strict';
import { GroupAdmission } from '../../../src/server/fleet-lock/group-admission.js';
import { LIMITS } from '../../../src/store/index.js';

describe('GroupAdmission', () => {
  let existing: Set<string>;
  let nowMs: number;
  let counts: number;
  let fails: boolean;

  beforeEach(() => {
    existing = new Set();
    nowMs = 0;
    counts = 0;
    fails = false;
  });

  const open = (makesGroups: boolean): GroupAdmission =>
    new GroupAdmission({
      groups: {
        has: async (name) => existing.has(name),
        list: async (options) => {
          counts += 1;
          await Promise.resolve();
          if (fails) throw new Error('no answer');
          return [...existing].slice(0, options?.limit);
        },
      },
      makesGroups,
      clock: { monotonic: () => nowMs },
      timeoutMs: 1000,
    });
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++) existing.add(`g${i}`);
  };

  it('knows those that exist, and no others where none are made', async () => {
    const admission = open(false);
    existing.add('web');
    for (const makes of [true, false]) {
      assert.equal(await admission.refusalOf('web', makes), undefined);
      assert.equal(await admission.refusalOf('wbe', makes), 'unknown');
    }
    assert.equal(counts, 0);
  });

  it('makes them up to the bound, also when many are asked for at once', async () => {
    fill(LIMITS.fleetLockGroups - 3);
    const admission = open(true);
    const asked = Array.from({ length: 10 }, (_, i) => admission.refusalOf(`new${i}`, true));
    const refusals = await Promise.all(asked);
    assert.equal(refusals.filter((refusal) => refusal === undefined).length, 3);
    assert.equal(counts, 1);
    assert.equal(await admission.refusalOf('g0', true), undefined);
    assert.equal(await admission.refusalOf('new9', false), undefined, 'this makes no group');
  });

  it('counts again after a while, and at once after a count that failed', async () => {
    fill(LIMITS.fleetLockGroups);
    const admission = open(true);
    fails = true;
    await assert.rejects(admission.refusalOf('new', true), /no answer/);
    fails = false;
    assert.equal(await admission.refusalOf('new', true), 'too-many');
    existing.clear();
    nowMs += LIMITS.fleetLockGroupsMs - 1;
    assert.equal(await admission.refusalOf('new', true), 'too-many');
    nowMs += 1;
    assert.equal(await admission.refusalOf('new', true), undefined);
    assert.equal(counts, 3);
  });
});

// Proves that a member which cannot be opened tells why, whatever else goes wrong when what was
// begun is taken back, and that all of it is taken back.
import assert from 'node:assert/strict';
import { DEFAULT_SETTINGS } from '../../src/kernel/index.js';
import { type MemberOptions, openMemberIn, type World } from '../../src/server/member.js';
import { simWorld } from '../support/sim-kernel.js';

const FIRST = new Error('what was in the way');

describe('a member that cannot be opened', () => {
  let told: string[];
  beforeEach(() => {
    told = [];
  });

  function worldOf(changes: Partial<World>): World {
    const { disk, clock, random } = simWorld(1);
    const openBackend = (): never => {
      throw FIRST;
    };
    return { disk, clock, random, openBackend, release: () => Promise.resolve(), ...changes };
  }

  function options(begin: MemberOptions['begin']): MemberOptions {
    const trace = {
      event: (_severity: string, name: string, fields?: object) => {
        told.push(`${name} ${JSON.stringify(fields)}`);
      },
    };
    const meter = { observe: (): void => undefined };
    return { dataDir: 'd', settings: DEFAULT_SETTINGS, begin, trace, meter };
  }

  const failing = (): Promise<never> => Promise.reject(new Error('and that too'));

  it('says why it may not begin, though its directory cannot be given back', async () => {
    const directory = { checkMember: () => undefined, noteMember: failing, discard: failing };
    const refused = options(() => Promise.reject(FIRST));
    await assert.rejects(openMemberIn(worldOf({ directory }), refused), FIRST);
    assert.match(told.join(), /and that too/);
  });

  it('says why its backend cannot be opened, though nothing can be given back', async () => {
    const member = { id: 1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false };
    const begun = options(() => Promise.resolve({ clusterId: 7n, member, known: [] }));
    await assert.rejects(openMemberIn(worldOf({ release: failing }), begun), FIRST);
    assert.match(told.join(), /and that too/);
  });
});

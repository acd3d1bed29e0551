// A member that cannot start says what is in the way, also when it had begun and stopped itself.
import assert from 'node:assert/strict';
import { DiskError } from '../../src/ports/disk.js';
import { startFailure } from '../../src/server/start-failure.js';
import { StoreError } from '../../src/store/index.js';

describe('server/start-failure', () => {
  it('tells why a member stopped that had begun', () => {
    const cause = new DiskError('io', 'write durably', 'wal/spare.tmp', 'EIO');
    const { message } = startFailure('/data', new StoreError('Stopped', undefined, { cause }));
    assert.match(message, /^data directory \/data: .*wal\/spare\.tmp.*EIO/);
  });

  it('has nothing better to say of one without a cause', () => {
    assert.match(startFailure('/data', new StoreError('Stopped')).message, /server stopped/);
  });

  it('has advice where there is some', () => {
    const cause = new DiskError('full', 'write', 'wal/spare.tmp', 'ENOSPC');
    const { message } = startFailure('/data', new StoreError('Stopped', undefined, { cause }));
    assert.match(message, /its disk is full; make room/);
  });
});

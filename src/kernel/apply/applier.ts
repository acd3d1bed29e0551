import { type RevisionBatch, StoreError } from '../../store/index.js';
import type {
  AlarmCommand,
  Command,
  LeaseCheckpointCommand,
  LeaseExpireCommand,
} from '../codec/command.js';
import type { Lessor } from '../lease/lessor.js';
import type { Mvcc, MvccWrite } from '../mvcc/mvcc.js';
import type { Alarms } from './alarms.js';
import { checkLeaseOf, checkPutAgainst, runDelete, runPut, runTxn } from './apply-txn.js';
import type { Members } from './members.js';
import type { ApplyOutcome, ApplyResult } from './outcome.js';
import { storageCost } from './storage-cost.js';

/** Where in the log a command stands. */
export interface EntryPlace {
  readonly term: number;
  readonly index: number;
}

/** The replicated state, and where its changes are told. */
export interface ApplierOptions {
  readonly mvcc: Mvcc;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly members: Members;
  /** Called with each new revision, in order. Must only note it: nothing acts inside apply. */
  readonly onRevision: (batch: RevisionBatch) => void;
}

/**
 * The state machine: one command in, one outcome out. Total and deterministic: it looks at no
 * clock, no dice and no identity, refuses what it must with a StoreError as its outcome, and so
 * comes to the same state and the same answers on every member. Anything that it throws means that
 * this member's state can no longer be trusted, and stops the member.
 */
export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** @param entry the log entry that carries the command */
  apply(command: Command, entry: EntryPlace): ApplyOutcome {
    try {
      this.#checkAlarms(command);
      return this.#run(command, entry);
    } catch (error) {
      if (error instanceof StoreError) return { kind: 'error', error };
      throw error;
    }
  }

  #run(command: Command, entry: EntryPlace): ApplyResult {
    const { mvcc, lessor, members } = this.#options;
    switch (command.kind) {
      case 'put': {
        // By itself a put names a missing lease first, in a transaction a missing key: as etcd
        // does.
        checkLeaseOf(lessor, command);
        checkPutAgainst(mvcc, lessor, command);
        const write = mvcc.begin();
        const prevKv = runPut(write, lessor, command);
        const revision = this.#commit(write);
        return prevKv === undefined ? { kind: 'put', revision } : { kind: 'put', revision, prevKv };
      }
      case 'delete': {
        const write = mvcc.begin();
        const outcome = runDelete(write, lessor, command);
        return { kind: 'delete', revision: this.#commit(write), ...outcome };
      }
      case 'txn': {
        const { data, write } = runTxn(mvcc, lessor, command, () => mvcc.begin());
        return { kind: 'txn', revision: this.#commit(write), ...data };
      }
      case 'compact':
        mvcc.compact(command.revision);
        return { kind: 'compact', revision: mvcc.revision };
      case 'leaseGrant': {
        const lease = lessor.grant(command.id, command.ttlSeconds, entry.index);
        return { kind: 'leaseGrant', revision: mvcc.revision, ...lease };
      }
      case 'leaseRevoke':
        this.#revoke(command.id);
        return { kind: 'leaseRevoke', revision: mvcc.revision };
      case 'leaseExpire':
        return this.#expire(command, entry.term);
      case 'leaseCheckpoint':
        return this.#checkpoint(command, entry.term);
      case 'alarm':
        return this.#setAlarm(command);
      case 'memberPublish':
        members.publish(command.member, command.directoryNonce);
        return { kind: 'memberPublish', revision: mvcc.revision };
      case 'memberUpdate':
        members.update(command.id, command.peerUrls);
        return { kind: 'memberUpdate', revision: mvcc.revision };
    }
  }

  #commit(write: MvccWrite): number {
    const batch = write.commit();
    if (batch !== undefined) this.#options.onRevision(batch);
    return this.#options.mvcc.revision;
  }

  /** Ends a lease and deletes its keys in one revision. */
  #revoke(id: bigint): void {
    const { mvcc, lessor } = this.#options;
    const keys = lessor.revoke(id);
    if (keys.length === 0) return;
    const write = mvcc.begin();
    for (const key of keys) write.deleteRange({ start: key, end: undefined }, false);
    this.#commit(write);
  }

  #expire(command: LeaseExpireCommand, entryTerm: number): ApplyResult {
    const { mvcc, lessor } = this.#options;
    let expired = 0;
    if (command.term === entryTerm) {
      for (const lease of command.leases) {
        if (!lessor.isGranted(lease)) continue;
        this.#revoke(lease.id);
        expired++;
      }
    }
    return { kind: 'leaseExpire', revision: mvcc.revision, expired };
  }

  #checkpoint(command: LeaseCheckpointCommand, entryTerm: number): ApplyResult {
    const { mvcc, lessor } = this.#options;
    const isCurrent = command.term === entryTerm;
    if (isCurrent) for (const item of command.items) lessor.checkpoint(item);
    return { kind: 'leaseCheckpoint', revision: mvcc.revision, isCurrent };
  }

  #setAlarm(command: AlarmCommand): ApplyResult {
    const { alarms, mvcc } = this.#options;
    const alarm = { memberId: command.memberId, alarm: command.alarm };
    const changed =
      command.action === 'activate' ? alarms.activate(alarm) : alarms.deactivate(alarm);
    return { kind: 'alarm', revision: mvcc.revision, alarms: changed ? [alarm] : [] };
  }

  /**
   * A full store takes no more data, a corrupt one nothing at all. Deletes, compaction and revokes
   * stay allowed when full: they are the way out.
   */
  #checkAlarms(command: Command): void {
    const { alarms } = this.#options;
    const { kind } = command;
    if (kind === 'alarm' || kind === 'memberPublish' || kind === 'memberUpdate') return;
    if (alarms.isRaised('corrupt')) throw new StoreError('Corrupt');
    if (alarms.isRaised('nospace') && storageCost(command) > 0) throw new StoreError('NoSpace');
  }
}

import type { TxnOperationResult } from '../../store/index.js';

/** What clients asked the store to do and got done: plain numbers that move with every call. */
export class WorkCounters {
  ranges = 0;
  puts = 0;
  deletes = 0;
  txns = 0;
  leasesGranted = 0;
  leasesRevoked = 0;
  leasesRenewed = 0;
  /** Events sent to watchers. */
  events = 0;
  watchStreams = 0;
  watchers = 0;
  /** Watch streams that wait for their client now. */
  slowWatchStreams = 0;
  healthSuccesses = 0;
  healthFailures = 0;

  /** Counts what a txn did inside. */
  countTxn(responses: readonly TxnOperationResult[]): void {
    this.txns += 1;
    for (const response of responses) {
      if (response.kind === 'range') this.ranges += 1;
      else if (response.kind === 'put') this.puts += 1;
      else if (response.kind === 'delete') this.deletes += response.deleted;
      else this.countTxn(response.responses);
    }
  }
}

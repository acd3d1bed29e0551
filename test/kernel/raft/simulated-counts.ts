/** What happened in a run, so that nobody takes an idle one for a proof. */
export const NO_COUNTS = {
  elections: 0,
  committed: 0,
  reads: 0,
  crashes: 0,
  rejections: 0,
  changes: 0,
  joints: 0,
  transfers: 0,
  gone: 0,
  installs: 0,
  wiped: 0,
};

import { KV_METHODS } from './kv-methods.js';
import { LEASE_METHODS } from './stream-methods.js';
import { Method } from './gen/tidelock/pipe/v1/pipe_pb.js';

/** Which methods go through the pipe, and under which number. */
const PATH_BY_NUMBER: ReadonlyMap<number, string> = new Map([
  [Method.RANGE, KV_METHODS.range.path],
  [Method.PUT, KV_METHODS.put.path],
  [Method.DELETE_RANGE, KV_METHODS.deleteRange.path],
  [Method.TXN, KV_METHODS.txn.path],
  [Method.LEASE_GRANT, LEASE_METHODS.leaseGrant.path],
  [Method.LEASE_REVOKE, LEASE_METHODS.leaseRevoke.path],
  [Method.LEASE_TIME_TO_LIVE, LEASE_METHODS.leaseTimeToLive.path],
]);

const NUMBER_BY_PATH: ReadonlyMap<string, number> = new Map(
  [...PATH_BY_NUMBER].map(([number, path]) => [path, number]),
);

/** Numbers and paths of all methods that the pipe carries. */
export const PIPE_METHOD_PATHS: readonly (readonly [number: number, path: string])[] = [
  ...PATH_BY_NUMBER,
];

/** The number of the method with this path; undefined for one that the pipe does not carry. */
export function pipeNumberOf(path: string): number | undefined {
  return NUMBER_BY_PATH.get(path);
}

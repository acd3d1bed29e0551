import { DiskError } from '../ports/disk.js';
import type { DiskErrorKind } from '../ports/disk.js';

/**
 * Turns what Node reports of a failed file operation into the terms of the Disk port. It decides
 * nothing else: whether a failure is fatal is the caller's business.
 */

const KINDS: ReadonlyMap<string, DiskErrorKind> = new Map([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['EEXIST', 'exists'],
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EROFS', 'read-only'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
]);

/** The errno name of a failed system call, or undefined for any other value. */
export function errnoOf(failure: unknown): string | undefined {
  if (!(failure instanceof Error) || !('code' in failure)) return undefined;
  return typeof failure.code === 'string' ? failure.code : undefined;
}

/** A {@link DiskError} for a failure of `operation` on `path`. */
export function diskFailure(operation: string, path: string, failure: unknown): DiskError {
  if (failure instanceof DiskError) return failure;
  const errno = errnoOf(failure);
  const kind = (errno === undefined ? undefined : KINDS.get(errno)) ?? 'io';
  return new DiskError(kind, operation, path, errno ?? String(failure));
}

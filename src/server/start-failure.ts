import { DataDirectoryError } from '../host/data-directory-error.js';
import { DiskError, type DiskErrorKind } from '../ports/disk.js';
import { isStoreError } from '../store/index.js';
import { ConfigError } from './config/config-error.js';

/**
 * A member that cannot start, told in one line: what is in the way and what would help. Nothing is
 * left open, and nothing was changed beyond what had been asked for.
 *
 * @example
 * try {
 *   await using store = await openEmbedded({ dataDir: './data' });
 *   await store.put({ key: 'greeting', value: 'hello' });
 * } catch (error) {
 *   if (!(error instanceof StartFailure)) throw error;
 *   log.warn(error.message);
 * }
 */
export class StartFailure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), { cause });
    this.name = 'StartFailure';
  }
}

/** What a failure to listen means for the person who started the member. */
export function listenFailure(address: string, flag: string, error: unknown): StartFailure {
  const code = (error as { readonly code?: unknown }).code;
  const text = error instanceof Error ? error.message : String(error);
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program listens there; stop it or choose another ${flag}`,
    EACCES: 'this user may not listen there; choose a port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such host',
  };
  const reason = typeof code === 'string' ? reasons[code] : undefined;
  return new StartFailure(`cannot listen on ${address}: ${reason ?? text}`, error);
}

/** What a failure to begin or to open the data directory means for who started the member. */
export function startFailure(dataDir: string, error: unknown): StartFailure {
  // A member that stopped itself as it began says why by the cause alone.
  if (isStoreError(error, 'Stopped') && error.cause !== undefined) {
    return startFailure(dataDir, error.cause);
  }
  if (error instanceof StartFailure) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof DataDirectoryError || error instanceof ConfigError) {
    return new StartFailure(text, error);
  }
  if (error instanceof DiskError) {
    const advice: Partial<Record<DiskErrorKind, string>> = {
      full: 'its disk is full; make room and start again',
      'read-only': 'it cannot be written; mount it writable or choose another --data-dir',
      denied: 'this user may not use it; change its owner or choose another --data-dir',
    };
    return new StartFailure(`data directory ${dataDir}: ${advice[error.kind] ?? text}`, error);
  }
  return new StartFailure(`data directory ${dataDir}: ${text}`, error);
}

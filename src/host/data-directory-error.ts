/** Why a data directory cannot be used; each kind asks something else of the operator. */
export type DataDirectoryErrorKind =
  | 'version'
  | 'locked'
  | 'read-only'
  | 'denied'
  | 'not-a-directory'
  | 'foreign'
  | 'lost'
  | 'full'
  | 'io';

/**
 * A data directory that cannot be used. The message is one line, names the path, and says what to
 * do.
 */
export class DataDirectoryError extends Error {
  readonly kind: DataDirectoryErrorKind;
  readonly directory: string;

  constructor(kind: DataDirectoryErrorKind, directory: string, detail: string) {
    super(`data directory ${directory}: ${detail}`);
    this.name = 'DataDirectoryError';
    this.kind = kind;
    this.directory = directory;
  }
}

import type { Random } from '../ports/random.js';
import type { SimDiskInode, UnsyncedFate } from './sim-disk-inode.js';

/** One change of the names on a disk; it belongs to the directory that `path` is in. */
type NameChange =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'add'; readonly path: string; readonly inode: SimDiskInode }
  | {
      readonly kind: 'rename';
      readonly path: string;
      readonly from: string;
      /** The file that is renamed; an older one by that name is another file. */
      readonly inode: SimDiskInode;
    }
  | { readonly kind: 'remove'; readonly path: string };

export const ROOT = '.';

/** The directory that a path is in. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ROOT : path.slice(0, slash);
}

/**
 * The names of files and directories, and the changes of them that no directory sync has covered.
 */
export class SimDiskNames {
  readonly files = new Map<string, SimDiskInode>();
  readonly directories = new Set([ROOT]);
  readonly #durableFiles = new Map<string, SimDiskInode>();
  readonly #durableDirectories = new Set([ROOT]);
  #pending: NameChange[] = [];

  change(change: NameChange): void {
    apply(change, this.files, this.directories);
    this.#pending.push(change);
  }

  /** Makes the changes in one directory durable. */
  sync(directory: string): void {
    const inside = this.#pending.filter((change) => parentOf(change.path) === directory);
    this.#pending = this.#pending.filter((change) => parentOf(change.path) !== directory);
    for (const change of inside) apply(change, this.#durableFiles, this.#durableDirectories);
  }

  /** The names after a power cut; each lost change takes with it those that build on it. */
  crash(fate: UnsyncedFate, random: Random): SimDiskNames {
    const files = new Map(this.#durableFiles);
    const directories = new Set(this.#durableDirectories);
    for (const change of this.#pending) {
      const isKept = fate === 'kept' || (fate === 'chance' && random.below(2) === 1);
      if (isKept) apply(change, files, directories);
    }
    const after = new SimDiskNames();
    // One file may have two names by now; both then mean the same bytes.
    const crashed = new Map<SimDiskInode, SimDiskInode>();
    for (const directory of directories) {
      if (!isReachable(directory, directories)) continue;
      after.directories.add(directory);
      after.#durableDirectories.add(directory);
    }
    for (const [path, inode] of files) {
      if (!isReachable(parentOf(path), directories)) continue;
      const survivor = crashed.get(inode) ?? inode.crash(fate, random);
      crashed.set(inode, survivor);
      after.files.set(path, survivor);
      after.#durableFiles.set(path, survivor);
    }
    return after;
  }
}

function isReachable(directory: string, directories: ReadonlySet<string>): boolean {
  if (directory === ROOT) return true;
  return directories.has(directory) && isReachable(parentOf(directory), directories);
}

function apply(
  change: NameChange,
  files: Map<string, SimDiskInode>,
  directories: Set<string>,
): void {
  if (change.kind === 'directory') {
    directories.add(change.path);
  } else if (change.kind === 'add') {
    files.set(change.path, change.inode);
  } else if (change.kind === 'remove') {
    files.delete(change.path);
  } else {
    // After a crash the name may be missing, or be that of a file that was removed before.
    if (files.get(change.from) !== change.inode) return;
    files.delete(change.from);
    files.set(change.path, change.inode);
  }
}

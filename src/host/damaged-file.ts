/**
 * An LMDB file that cannot be trusted, and what to do about it: what docs/data-directory.md says,
 * in the words that the kernel has for a damaged row.
 */
export function damagedFile(what: string): Error {
  return new Error(
    `its file is damaged: ${what}. Check the disk. Then remove this member from its cluster, add ` +
      'it again, and start it with an empty data directory; or, if it is the only member, restore ' +
      'a backup.',
  );
}

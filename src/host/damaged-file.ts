/**
 * An LMDB file that cannot be trusted, and what to do about it: what docs/data-directory.md says,
 * in the words that the kernel has for a damaged row.
 */
export function damagedFile(what: string): Error {
  return new Error(
    `its file is damaged: ${what}. Check the disk. Then, in a cluster, replace this member: ` +
      '`tidelock member remove <id>`, move its data directory away, `tidelock member add <name> ' +
      '--peer-urls <url> --learner`, start it with the flags that this prints, `tidelock member ' +
      'promote <new id>`. If it is the only member, restore a backup: `tidelock snapshot ' +
      'restore`. docs/data-directory.md shows each step.',
  );
}

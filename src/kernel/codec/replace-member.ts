/**
 * What to do about a member whose directory cannot be trusted. One text for everything that a start
 * or a read may find, and the same as in docs/data-directory.md: an older copy of the directory
 * would forget what the member promised since.
 */
export const REPLACE_MEMBER =
  'Check the disk. Then remove this member from its cluster, add it again, and start it with an ' +
  'empty data directory; or, if it is the only member, restore a backup.';

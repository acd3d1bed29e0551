/**
 * What to do about a member whose directory cannot be trusted. One text for everything that a start
 * or a read may find, and the same as in docs/data-directory.md, whose commands are tested: an
 * older copy of the directory would forget what the member promised since.
 */
export const REPLACE_MEMBER =
  'Check the disk. Then, in a cluster, replace this member: `tidelock member remove <id>`, move ' +
  'its data directory away, `tidelock member add <name> --peer-urls <url> --learner`, start it ' +
  'with the flags that this prints, `tidelock member promote <new id>`. If it is the only member, ' +
  'restore a backup: `tidelock snapshot restore`. docs/data-directory.md shows each step.';

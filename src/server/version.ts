/**
 * The versions that a member announces. Clients decide by etcd's version which features they may
 * use, so `/version` and `Status` say which etcd is spoken; our own stands in a metric and on the
 * first screen.
 */

/**
 * The version of etcd whose interface this is, as clients are told.
 *
 * @example
 * console.log(`speaks as etcd ${ETCD_VERSION}`);
 */
export const ETCD_VERSION = '3.7.1';
export const CLUSTER_VERSION = '3.7.0';
export const STORAGE_VERSION = '3.7.0';
/**
 * The version of this package.
 *
 * @example
 * console.log(`Tidelock ${TIDELOCK_VERSION}`);
 */
export const TIDELOCK_VERSION = '0.3.0';

/**
 * What `--version` prints: etcd's four lines, with ours where etcd has its own.
 *
 * @example
 * console.log(versionLines().join('\n'));
 */
export function versionLines(): readonly string[] {
  return [
    `etcd Version: ${ETCD_VERSION}`,
    `Git SHA: tidelock-${TIDELOCK_VERSION}`,
    `Go Version: node ${process.version}`,
    `Go OS/Arch: ${process.platform}/${process.arch}`,
  ];
}

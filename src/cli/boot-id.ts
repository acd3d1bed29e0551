import { readFile } from 'node:fs/promises';

/** Where Linux tells one boot from another. */
export const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/** The boot that a machine is in; empty where the system does not say. */
export async function bootIdIn(file: string): Promise<string> {
  // Without one a reboot cannot be told from a restart of the agent, and nothing else is lost.
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim();
}

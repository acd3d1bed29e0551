import type { Command } from 'commander';
import { registerRebootAgent } from './reboot-agent-command.js';
import { registerRebootGroups } from './reboot-groups.js';
import { registerRebootHolds } from './reboot-holds.js';
import { registerRebootImport } from './reboot-import.js';
import { registerRebootInquiry } from './reboot-inquiry.js';
import { registerRebootLock } from './reboot-lock.js';
import { registerRebootRules } from './reboot-rules.js';
import { registerRebootSteps } from './reboot-steps.js';

const EXAMPLES = `
Examples:
  $ tidelock reboot lock --reason "kernel 6.12" && tidelock reboot rebooting && systemctl reboot
  $ tidelock reboot unlock             # when it is back and healthy
  $ tidelock reboot plan               # why does this host not reboot?
  $ tidelock reboot status --group racks
  $ tidelock reboot policy --group racks --max 20% --window "Mon-Fri 22:00 4h Europe/Berlin"
  $ tidelock reboot pause --reason "Christmas"
`;

/** Adds `reboot` and what is under it: the reboot slots of a group of machines. */
export function registerReboot(program: Command): void {
  const reboot = program
    .command('reboot')
    .description('Let machines reboot one, or a few, at a time.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES);
  registerRebootLock(reboot);
  registerRebootSteps(reboot);
  registerRebootInquiry(reboot);
  registerRebootGroups(reboot);
  registerRebootRules(reboot);
  registerRebootHolds(reboot);
  registerRebootAgent(reboot);
  registerRebootImport(reboot);
}

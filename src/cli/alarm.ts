import type { Command } from 'commander';
import type { ClusterAlarm } from '../client/index.js';
import { EXIT_CODE } from './exit-code.js';
import { runWithAdmin } from './member.js';
import type { Output } from './output.js';
import { type CommonOptions, storeCommand } from './store-command.js';

const MEANINGS = `
NOSPACE   A member has used up its quota (--quota-backend-bytes) or its disk is nearly full. All
          members refuse what needs room; reads, deletes and compaction go on.
          First make room: delete keys (\`tidelock del\`), then drop their history (\`etcdctl
          compaction <revision>\`, or --auto-compaction-retention on the servers), or raise the
          quota, or free the disk. The quota counts bytes in use, so that nothing else is to be
          done; an etcd counts its file, which is to be defragmented too (\`etcdctl defrag\`).
CORRUPT   A member's data is not that of the others. Nobody reads or writes.
          First find the member: \`etcdctl endpoint hashkv --cluster\` shows whose hash differs.
          Replace it (\`tidelock member remove\`, an empty directory, \`tidelock member add\`).

An alarm stays until it is disarmed, over restarts too. Disarming mends nothing: what is still so
raises it again.
`;

/** Adds `alarm` and what is under it: what holds the cluster back, and to let it go on. */
export function registerAlarm(program: Command): void {
  const alarm = program
    .command('alarm')
    .description('Show and clear what makes the cluster refuse calls.')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', MEANINGS);
  registerList(alarm);
  registerDisarm(alarm);
}

function registerList(alarm: Command): void {
  const examples = `  $ tidelock alarm list
  $ tidelock alarm list -w json | jq -e '.alarms == []'    # fails while one is raised
`;
  storeCommand(alarm, 'list', 'Show the alarms that are raised.', examples)
    .addHelpText('after', MEANINGS)
    .action((options: CommonOptions) =>
      runWithAdmin(options, async (admin, { output }) => {
        show(output, await admin.alarms(), 'no alarm is raised');
        return EXIT_CODE.done;
      }),
    );
}

function registerDisarm(alarm: Command): void {
  const examples = `  $ tidelock alarm disarm          # once there is room, or the member is replaced
  $ tidelock alarm list            # is it raised again?
`;
  storeCommand(alarm, 'disarm', 'Clear all alarms that are raised, and show them.', examples)
    .addHelpText('after', MEANINGS)
    .action((options: CommonOptions) =>
      runWithAdmin(options, async (admin, { output }) => {
        const disarmed: ClusterAlarm[] = [];
        // Where somebody else is first, an answer has none.
        for (const one of await admin.alarms()) disarmed.push(...(await admin.disarmAlarm(one)));
        show(output, disarmed, 'no alarm was raised');
        return EXIT_CODE.done;
      }),
    );
}

function show(output: Output, alarms: readonly ClusterAlarm[], whenNone: string): void {
  const shown = alarms.map(({ memberId, alarm }) => ({ memberId: memberId.toString(16), alarm }));
  output.write({ revision: null, alarms: shown }, () => alarms.map(lineOf));
  if (alarms.length === 0 && output.format === 'simple') output.remark(whenNone);
}

/** As etcdctl writes it, with the id as all others are shown. */
function lineOf({ memberId, alarm }: ClusterAlarm): string {
  return `memberID:${memberId.toString(16)} alarm:${alarm}`;
}

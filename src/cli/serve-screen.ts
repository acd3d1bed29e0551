import { resolve } from 'node:path';
import {
  ETCD_VERSION,
  type RunningServer,
  type ServerConfig,
  TIDELOCK_VERSION,
} from '../server/index.js';

/** What is shown of each member of the cluster. */
export interface ScreenMember {
  /** Empty for one that has not started yet. */
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/**
 * The one screen that a member shows when it serves: what it is, where it listens, and what to try
 * next. Text only; colour where a person looks at it.
 */
export function serveScreen(
  config: ServerConfig,
  server: RunningServer,
  members: readonly ScreenMember[],
  colour: boolean,
): string {
  const bold = colour ? (text: string) => `\u001b[1m${text}\u001b[22m` : plain;
  const dim = colour ? (text: string) => `\u001b[2m${text}\u001b[22m` : plain;
  const { clusterId, memberId, revision } = server.kernel.header();
  const endpoint = server.advertisedUrls[0] ?? '';
  const address = endpoint.replace(/^http:\/\//, '');
  const facts: readonly (readonly [string, string])[] = [
    ['member', `${config.name} ${dim(`(id ${memberId.toString(16)})`)}`],
    ['data', `${resolve(config.dataDir)} ${dim(`(revision ${revision})`)}`],
    ['listens', server.clientUrls.join(' ')],
    ...clusterFacts(server, members, dim(`(id ${clusterId.toString(16)})`)),
  ];
  const steps = [
    `etcdctl --endpoints ${address} put greeting hello`,
    `etcdctl --endpoints ${address} get greeting`,
    `etcdctl --endpoints ${address} watch --prefix greeting`,
    `npm run example 2 -- --endpoints ${endpoint}`,
    `npx tidelock lock jobs/nightly --endpoints ${endpoint} -- echo held`,
  ];
  return [
    '',
    `${bold(`Tidelock ${TIDELOCK_VERSION}`)} ${dim(`speaks the API of etcd ${ETCD_VERSION}`)}`,
    '',
    ...facts.map(([name, value]) => `  ${dim(name.padEnd(8))} ${value}`),
    '',
    'ready to serve client requests. Try in another terminal:',
    '',
    ...steps.map((step) => `  ${step}`),
    '',
    dim('Ctrl-C stops; `npx tidelock serve --help` explains the flags.'),
    '',
  ].join('\n');
}

/** What a member that is not ready waits for: alone, one of several cannot do much. */
export function waitsFor(members: readonly ScreenMember[]): string {
  if (members.length === 0) return 'the cluster that it joins';
  if (members.length === 1) return 'its own election';
  const majority = Math.floor(members.length / 2) + 1;
  return `a leader, and ${majority} of the ${members.length} members must run`;
}

/** What is shown while that takes long. */
export function waitingScreen(members: readonly ScreenMember[]): string {
  return `Tidelock ${TIDELOCK_VERSION} waits for ${waitsFor(members)}.\n`;
}

/** Nothing for a member that is alone. */
function clusterFacts(
  server: RunningServer,
  members: readonly ScreenMember[],
  clusterId: string,
): readonly (readonly [string, string])[] {
  if (members.length === 1) return [];
  const names = members.map(({ name, peerUrls }) => name || peerUrls.join(' '));
  return [
    ['peers', server.peerUrls.join(' ')],
    ['cluster', `${names.join(' ')} ${clusterId}`],
  ];
}

function plain(text: string): string {
  return text;
}

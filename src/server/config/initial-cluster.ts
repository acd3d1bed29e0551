import { ConfigError } from './config-error.js';
import { clusterIdOf, memberIdOf } from './cluster-ids.js';
import { parseUrl } from './listen-url.js';
import type { Settings } from './settings.js';

/** Who this member is among its peers. */
export interface ClusterConfig {
  readonly peerUrls: readonly string[];
  readonly memberId: bigint;
  readonly clusterId: bigint;
}

/**
 * Reads the flags that describe the cluster at its start and computes the ids. Holds the rule that
 * a cluster has one member for now: more are refused here, before anything is written.
 */
export function parseCluster(settings: Settings, name: string): ClusterConfig {
  const peers = settings.get('initial-advertise-peer-urls');
  const peerUrls = settings.list('initial-advertise-peer-urls');
  for (const flag of ['listen-peer-urls', 'initial-advertise-peer-urls']) {
    const urls = settings.list(flag);
    const { source, text } = settings.get(flag);
    if (urls.length === 0) throw new ConfigError(source, text, 'names no address');
    if (new Set(urls).size !== urls.length) throw new ConfigError(source, text, 'repeats one');
    for (const url of urls) parseUrl(source, url);
  }
  settings.choice('initial-cluster-state', ['new', 'existing']);
  const token = settings.get('initial-cluster-token').text;
  const initial = settings.get('initial-cluster');
  if (initial.text !== '') {
    const own = ownEntry(initial.source, initial.text, name);
    if (own.toSorted().join() !== peerUrls.toSorted().join()) {
      throw new ConfigError(
        initial.source,
        initial.text,
        `gives ${name} other addresses than ${peers.source}=${peers.text}; the two must agree`,
      );
    }
  }
  const memberId = memberIdOf(peerUrls, token);
  return { peerUrls, memberId, clusterId: clusterIdOf([memberId]) };
}

function ownEntry(source: string, text: string, name: string): readonly string[] {
  const members = new Map<string, string[]>();
  for (const entry of text.split(',')) {
    const at = entry.indexOf('=');
    const member = entry.slice(0, at).trim();
    const url = entry.slice(at + 1).trim();
    if (at < 0 || member === '') {
      throw new ConfigError(source, text, 'is not a list of name=url, separated by commas');
    }
    parseUrl(source, url);
    const urls = members.get(member);
    if (urls === undefined) members.set(member, [url]);
    else if (urls.includes(url)) throw new ConfigError(source, text, `repeats ${url}`);
    else urls.push(url);
  }
  if (members.size > 1) {
    throw new ConfigError(
      source,
      text,
      'names several members; clusters of several members come with a later release',
    );
  }
  const own = members.get(name);
  if (own !== undefined) return own;
  throw new ConfigError(source, text, `does not name this member, --name=${name}`);
}

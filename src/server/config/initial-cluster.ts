import { clusterIdOf, memberIdOf } from './cluster-ids.js';
import { ConfigError } from './config-error.js';
import { isLoopback, isWildcard, type ListenUrl, parseUrl } from './listen-url.js';
import type { Settings } from './settings.js';

/** A member as `--initial-cluster` names it. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Who this member is among its peers, as the flags have it. What is on disk counts for more. */
export interface ClusterConfig {
  readonly listenPeerUrls: readonly ListenUrl[];
  /** False when nobody chose where to listen for peers. */
  readonly listenPeerChosen: boolean;
  /** Addresses of this member. */
  readonly peerUrls: readonly string[];
  readonly token: string;
  readonly state: 'new' | 'existing';
  /** All members of `--initial-cluster`; this one alone by default. */
  readonly initialMembers: readonly InitialMember[];
  /** Ids of a cluster that begins with these members. */
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly forceNew: boolean;
  /** Why the flags describe no beginning; without meaning for a member that has data. */
  readonly fault: ConfigError | undefined;
}

/**
 * Reads the flags that describe the cluster at its start and computes the ids. What could never be
 * meant is refused at once; what is wrong only for a member that has yet to begin is kept as a
 * fault, for once there is data these flags count for nothing, as in etcd.
 */
export function parseCluster(settings: Settings, name: string): ClusterConfig {
  const listen = settings.get('listen-peer-urls');
  const listenPeerUrls = parseAddresses(settings, 'listen-peer-urls');
  const peerUrls = parseAdvertised(settings, listenPeerUrls);
  const token = settings.get('initial-cluster-token').text;
  const state = settings.choice('initial-cluster-state', ['new', 'existing']);
  const initial = settings.get('initial-cluster');
  const initialMembers = initial.given
    ? parseInitialCluster(initial.source, initial.text)
    : [{ name, peerUrls }];
  const ids = initialMembers.map((member) => memberIdOf(member.peerUrls, token));
  return {
    listenPeerUrls,
    listenPeerChosen: listen.given,
    peerUrls,
    token,
    state,
    initialMembers,
    memberId: memberIdOf(peerUrls, token),
    clusterId: clusterIdOf(ids),
    forceNew: settings.boolean('force-new-cluster'),
    fault: findFault(settings, name, peerUrls, initialMembers),
  };
}

function parseAddresses(settings: Settings, flag: string): readonly ListenUrl[] {
  const urls = settings.list(flag);
  const { source, text } = settings.get(flag);
  if (urls.length === 0) throw new ConfigError(source, text, 'names no address');
  const parsed = urls.map((url) => parseUrl(source, url));
  const places = parsed.filter(({ port }) => port !== 0).map(({ host, port }) => `${host}:${port}`);
  if (new Set(places).size !== places.length) {
    throw new ConfigError(source, text, 'repeats an address');
  }
  return parsed;
}

function parseAdvertised(
  settings: Settings,
  listenPeerUrls: readonly ListenUrl[],
): readonly string[] {
  const flag = 'initial-advertise-peer-urls';
  const parsed = parseAddresses(settings, flag);
  const { source, text, given } = settings.get(flag);
  const wildcard = listenPeerUrls.find(({ host }) => isWildcard(host));
  if (parsed.some(({ host, port }) => isWildcard(host) || port === 0)) {
    throw new ConfigError(source, text, 'is no address that another member could connect to');
  }
  if (!given && wildcard !== undefined) {
    throw new ConfigError(
      source,
      '',
      `is required when --listen-peer-urls has ${wildcard.host}: say how members reach this machine`,
    );
  }
  return settings.list(flag);
}

/** The first address that other machines can reach, if there is one. */
export function exposedAddress(urls: readonly ListenUrl[]): ListenUrl | undefined {
  return urls.find(({ host }) => !isLoopback(host));
}

/** Reads `name=url,…`; a name that stands there twice is one member with two addresses. */
function parseInitialCluster(source: string, text: string): readonly InitialMember[] {
  const members = new Map<string, string[]>();
  const owners = new Map<string, string>();
  for (const entry of text.split(',')) {
    const at = entry.indexOf('=');
    const member = entry.slice(0, at).trim();
    const url = entry.slice(at + 1).trim();
    if (at < 0 || member === '') {
      throw new ConfigError(source, text, 'is not a list of name=url, separated by commas');
    }
    parseUrl(source, url);
    const owner = owners.get(url);
    if (owner === member) throw new ConfigError(source, text, `repeats ${url}`);
    if (owner !== undefined) {
      throw new ConfigError(source, text, `gives ${url} to both ${owner} and ${member}`);
    }
    owners.set(url, member);
    const urls = members.get(member);
    if (urls === undefined) members.set(member, [url]);
    else urls.push(url);
  }
  return [...members].map(([name, peerUrls]) => ({ name, peerUrls }));
}

function findFault(
  settings: Settings,
  name: string,
  peerUrls: readonly string[],
  members: readonly InitialMember[],
): ConfigError | undefined {
  const initial = settings.get('initial-cluster');
  const peers = settings.get('initial-advertise-peer-urls');
  const state = settings.get('initial-cluster-state');
  const own = members.find((member) => member.name === name);
  if (own === undefined) {
    return new ConfigError(
      initial.source,
      initial.text,
      `does not name this member, --name=${name}`,
    );
  }
  if (own.peerUrls.toSorted().join() !== peerUrls.toSorted().join()) {
    return new ConfigError(
      initial.source,
      initial.text,
      `gives ${name} other addresses than ${peers.source}=${peers.text}; the two must agree`,
    );
  }
  if (state.text === 'existing' && members.length === 1) {
    return new ConfigError(
      state.source,
      state.text,
      'needs --initial-cluster with the members of the running cluster beside this one',
    );
  }
  return undefined;
}

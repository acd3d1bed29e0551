import { type AutoCompactionConfig, parseAutoCompaction } from './config/auto-compaction-config.js';
import { ConfigError } from './config/config-error.js';
import { FLAGS, FLAGS_REFUSED, FLAGS_WITHOUT_EFFECT } from './config/flags.js';
import { type ClusterConfig, exposedAddress, parseCluster } from './config/initial-cluster.js';
import { isWildcard, type ListenUrl, parseUrl } from './config/listen-url.js';
import { type Environment, type GivenFlags, Settings } from './config/settings.js';
import { LIMITS } from '../store/index.js';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'dpanic', 'panic', 'fatal'] as const;

/** Everything a member has to be told. Complete: nothing below this has defaults of its own. */
export interface ServerConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly listenClientUrls: readonly ListenUrl[];
  /** Empty: announce where it turns out to listen. */
  readonly advertiseClientUrls: readonly string[];
  readonly cluster: ClusterConfig;
  readonly requestBytesMax: number;
  readonly txnOperationsMax: number;
  readonly streamsPerConnectionMax: number;
  /** 0: no quota. */
  readonly quotaBytes: number;
  /** Free space on the disk below which writes are refused. */
  readonly diskReserveBytes: number;
  readonly snapshotEntries: number;
  /** Entries kept behind a snapshot mark for members that lag. */
  readonly snapshotCatchUpEntries: number;
  readonly learnersMax: number;
  readonly strictReconfigCheck: boolean;
  readonly backendBatchMs: number;
  readonly backendBatchRows: number;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly watchProgressMs: number;
  readonly autoCompaction: AutoCompactionConfig;
  readonly log: LogConfig;
  readonly extensiveMetrics: boolean;
  /** Which reboot groups may ask over FleetLock. */
  readonly fleetLockGroups: 'any' | 'known';
  /** Remarks for the log: what was relaxed, what has no effect. */
  readonly notices: readonly string[];
}

/** What is written to the log, how, and where to. */
export interface LogConfig {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: 'json' | 'text';
  /** `stderr`, `stdout`, or paths. */
  readonly outputs: readonly string[];
  /** Whether anybody chose the level or the outputs. */
  readonly chosen: boolean;
}

/**
 * Reads the settings of a member from flags (names without dashes in front) and environment.
 * @throws ConfigError whose message names the flag, the value, and what would be right
 *
 * @example
 * const config = parseServerConfig({ 'data-dir': './data' }, process.env);
 */
export function parseServerConfig(flags: GivenFlags, env: Environment): ServerConfig {
  refuseForeign(flags);
  const settings = new Settings(flags, env);
  const notices: string[] = [];
  for (const name of FLAGS_WITHOUT_EFFECT) {
    const { source, given } = settings.get(name);
    if (given) notices.push(`${source} has no effect here`);
  }
  for (const [name, reason] of Object.entries(FLAGS_REFUSED)) {
    const { source, text } = settings.get(name);
    if (settings.isWanted(name)) throw new ConfigError(source, text, `is refused: ${reason}`);
  }
  for (const variable of settings.strangers(knownFlags())) {
    notices.push(`${variable} belongs to no flag and has no effect`);
  }
  const name = settings.get('name').text;
  if (name === '') throw new ConfigError('--name', name, 'is empty; give the member a name');
  const dataDir = settings.get('data-dir').text;
  const listenClientUrls = parseListen(settings, notices);
  const cluster = parseCluster(settings, name);
  checkExposure(settings, 'listen-peer-urls', cluster.listenPeerUrls, notices);
  const heartbeatMs = settings.integer('heartbeat-interval', 1);
  return {
    name,
    dataDir: dataDir === '' ? `${name}.tidelock` : dataDir,
    listenClientUrls,
    advertiseClientUrls: parseAdvertise(settings, listenClientUrls),
    cluster,
    requestBytesMax: settings.integer(
      'max-request-bytes',
      1,
      2 ** 31 - 1 - LIMITS.grpcOverheadBytes,
    ),
    txnOperationsMax: settings.integer('max-txn-ops', 1, 2 ** 31 - 1),
    streamsPerConnectionMax: settings.integer('max-concurrent-streams', 1, 2 ** 32 - 1),
    quotaBytes: parseQuota(settings),
    diskReserveBytes: settings.integer('disk-reserve-bytes', 0),
    snapshotEntries: settings.integer('snapshot-count', 1),
    snapshotCatchUpEntries: settings.integer('snapshot-catchup-entries', 0),
    learnersMax: settings.integer('max-learners', 1),
    strictReconfigCheck: settings.boolean('strict-reconfig-check'),
    backendBatchMs: settings.duration('backend-batch-interval', 1),
    backendBatchRows: settings.integer('backend-batch-limit', 1),
    heartbeatMs,
    electionTimeoutMs: parseElectionTimeout(settings, heartbeatMs),
    watchProgressMs: settings.duration('watch-progress-notify-interval', 100),
    autoCompaction: parseAutoCompaction(settings),
    log: parseLog(settings),
    fleetLockGroups: settings.choice('fleet-lock-groups', ['any', 'known']),
    extensiveMetrics: settings.choice('metrics', ['basic', 'extensive']) === 'extensive',
    notices,
  };
}

/** Every flag that there is, whatever comes of it. */
function knownFlags(): readonly string[] {
  const names = FLAGS.map(({ name }) => name);
  return [...names, ...FLAGS_WITHOUT_EFFECT, ...Object.keys(FLAGS_REFUSED)];
}

/** A programmer's mistake rather than a user's: the command line refuses these with suggestions. */
function refuseForeign(flags: GivenFlags): void {
  const known = new Set(knownFlags());
  for (const [name, value] of Object.entries(flags)) {
    if (!known.has(name))
      throw new ConfigError(`--${name}`, String(value), 'belongs to no known flag');
  }
}

function parseListen(settings: Settings, notices: string[]): readonly ListenUrl[] {
  const { source, text } = settings.get('listen-client-urls');
  const texts = settings.list('listen-client-urls');
  if (texts.length === 0) throw new ConfigError(source, text, 'names no address');
  const urls = texts.map((url) => parseUrl(source, url));
  const places = urls.filter((url) => url.port !== 0).map((url) => `${url.host}:${url.port}`);
  if (new Set(places).size !== places.length) {
    throw new ConfigError(source, text, 'repeats an address');
  }
  checkExposure(settings, 'listen-client-urls', urls, notices);
  return urls;
}

/** Opens an address beyond this machine only when somebody said that this is meant. */
function checkExposure(
  settings: Settings,
  flag: string,
  urls: readonly ListenUrl[],
  notices: string[],
): void {
  const exposed = exposedAddress(urls);
  if (exposed === undefined) return;
  if (!settings.boolean('insecure-listen')) {
    const { source, text } = settings.get(flag);
    throw new ConfigError(
      source,
      text,
      'can be reached from other machines, without TLS or passwords; use 127.0.0.1, or add --insecure-listen if the network is trusted',
    );
  }
  notices.push(`--insecure-listen: ${exposed.host} is open to everyone who can reach it`);
}

function parseAdvertise(settings: Settings, listen: readonly ListenUrl[]): readonly string[] {
  const { source } = settings.get('advertise-client-urls');
  const urls = settings.list('advertise-client-urls');
  for (const url of urls) {
    if (isWildcard(parseUrl(source, url).host)) {
      throw new ConfigError(source, url, 'is no address that a client could connect to');
    }
  }
  const wildcard = listen.find((url) => isWildcard(url.host));
  if (urls.length === 0 && wildcard !== undefined) {
    throw new ConfigError(
      '--advertise-client-urls',
      '',
      `is required when --listen-client-urls has ${wildcard.host}: say how clients reach this machine`,
    );
  }
  return urls;
}

function parseQuota(settings: Settings): number {
  const bytes = settings.integer('quota-backend-bytes', Number.MIN_SAFE_INTEGER);
  if (bytes < 0) return 0;
  return bytes === 0 ? LIMITS.quotaBackendBytes : bytes;
}

function parseElectionTimeout(settings: Settings, heartbeatMs: number): number {
  const electionTimeoutMs = settings.integer('election-timeout', 1, 50_000);
  if (electionTimeoutMs >= 5 * heartbeatMs) return electionTimeoutMs;
  const { source, text } = settings.get('election-timeout');
  throw new ConfigError(
    source,
    text,
    `is less than 5 times --heartbeat-interval (${heartbeatMs} ms); use ${5 * heartbeatMs} or more`,
  );
}

function parseLog(settings: Settings): LogConfig {
  const outputs = settings.list('log-outputs').map((place) => {
    return place === 'default' ? 'stderr' : place.replace(/^\/dev\/(stdout|stderr)$/, '$1');
  });
  return {
    level: settings.choice('log-level', LOG_LEVELS),
    format: settings.choice('log-format', ['json', 'text']),
    outputs: [...new Set(outputs)],
    chosen: settings.get('log-level').given || settings.get('log-outputs').given,
  };
}

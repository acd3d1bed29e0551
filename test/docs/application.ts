/**
 * What a reader's own application has, as examples name it: everything does nothing, and ends
 * soon; only what an example claims is looked at.
 */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { inspect } from 'node:util';
import { type Reader, SETTINGS, UPSTREAMS } from './reader.js';

const act = async (): Promise<void> => undefined;
const tell = (): void => undefined;

/** Bytes for what would come out of a secret file: the length of a key. */
const SECRET_BYTES = 32;

export const APPLICATION = {
  Settings: SETTINGS,
  Upstreams: UPSTREAMS,
  url: 'https://example.org/accounts/7',
  body: '{"balance":7}',
  host: 'host-7',
  bootId: '3f8c6a52-0a43-4c5e-9b1d-000000000001',
  newBootId: '3f8c6a52-0a43-4c5e-9b1d-000000000002',
  order: { id: 'order-1' },
  request: { headers: { 'tidelock-fence': '7' } },
  respond: tell,
  client: { query: async () => ({ rowCount: 1 }) },
  server: { reconfigure: act, errorRate: () => 0 },
  pool: { resize: act },
  dashboard: { show: tell },
  log: { info: tell, warn: tell },
  show: tell,
  balance: tell,
  stopWorking: tell,
  doWork: act,
  work: act,
  migrate: act,
  schedule: act,
  search: act,
  load: act,
  story: act,
  claims: (value, text) => assert.equal(typeof value === 'string' ? value : inspect(value), text),
  console: { log: tell },
  fetch: async (_url, init) => {
    init?.signal?.throwIfAborted();
    return new Response('done');
  },
  hostname,
  readFile: async () => new Uint8Array(SECRET_BYTES).fill(7),
  savedFile: () => {
    let kept: Uint8Array | undefined;
    return {
      load: async () => kept,
      save: async (bytes) => {
        kept = bytes;
      },
    };
  },
  nodeSink: {
    files: {
      read: async () => undefined,
      stage: async (path) => ({ path: `${path}.staged`, commit: act, discard: act }),
    },
    commands: { run: async () => ({ exitCode: 0, output: '' }) },
  },
} satisfies Partial<Reader>;

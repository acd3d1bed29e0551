// Where the recipes are tried in real time: each place has two coordinations that compete, as two
// processes would, over stores of the kind that it is named for.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../src/client/index.js';
import { type Coordination, coordinate } from '../../../src/recipes/index.js';
import { openEmbedded } from '../../../src/server/index.js';
import type { Store } from '../../../src/store/index.js';
import { etcdMissing, startEtcd } from '../../support/etcd-process.js';
import { tooLong } from '../../support/in-ci.js';
import { startMember } from '../../support/member-process.js';
import { scratchFolder } from '../../support/scratch-folder.js';
import { skipWhen } from '../../support/skip.js';

/** As short as a real etcd allows. */
export const TTL_SECONDS = 2;

/** Two ways to one store; the same one twice where there is only one. */
interface Place {
  readonly stores: readonly [Store, Store];
  /** The process behind them; undefined for a store of this one. */
  readonly server: Server | undefined;
  readonly stop: () => Promise<unknown>;
}

/** A server that can be taken away for a while; its data stays. */
export interface Server {
  readonly endpoint: string;
  kill(): Promise<unknown>;
  start(): Promise<unknown>;
}

/** What a test has of a place, while it runs. */
export interface Rivals {
  readonly store: Store;
  readonly a: Coordination;
  readonly b: Coordination;
  /** The server of both; undefined over an embedded store. */
  readonly server: Server | undefined;
  /** One more, to be closed by the test. */
  readonly another: (identity: string) => Coordination;
}

async function openEtcd(): Promise<Place> {
  const etcd = await startEtcd();
  return { stores: await connectTwice(etcd.endpoint), server: etcd, stop: () => etcd.stop() };
}

async function openMember(): Promise<Place> {
  const member = await startMember([], scratchFolder());
  const stores = await connectTwice(member.endpoint);
  return { stores, server: member, stop: () => member.stop() };
}

async function connectTwice(endpoint: string): Promise<readonly [Store, Store]> {
  return [await connect(endpoint), await connect(endpoint)];
}

async function openHere(): Promise<Place> {
  const dataDir = await mkdtemp(join(scratchFolder(), 'tidelock-recipes-'));
  const store = await openEmbedded({ dataDir });
  const stop = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  return { stores: [store, store], server: undefined, stop };
}

/** Defines the tests of `define` once for every kind of store. */
export function overEveryStore(title: string, define: (rivals: () => Rivals) => void): void {
  overEveryServer(title, define);
  over(`${title} over an embedded store`, openHere, () => undefined, define);
}

/** Defines the tests of `define` once for every kind of server, for what a process connects to. */
export function overEveryServer(title: string, define: (rivals: () => Rivals) => void): void {
  over(`${title} over a real etcd`, openEtcd, etcdMissing, define);
  over(`${title} over our server`, openMember, tooLong, define);
}

function over(
  title: string,
  open: () => Promise<Place>,
  missing: () => string | undefined,
  define: (rivals: () => Rivals) => void,
): void {
  describe(title, function () {
    this.timeout(60_000);
    let place: Place | undefined;
    let rivals: Rivals | undefined;

    before(async function () {
      skipWhen(this, missing());
      place = await open();
      const { server } = place;
      const [store, other] = place.stores;
      rivals = {
        store,
        server,
        a: coordinate(store, { ttlSeconds: TTL_SECONDS, identity: 'a' }),
        b: coordinate(other, { ttlSeconds: TTL_SECONDS, identity: 'b' }),
        another: (identity) => coordinate(other, { ttlSeconds: TTL_SECONDS, identity }),
      };
    });

    after(async () => {
      await Promise.all([rivals?.a.close(), rivals?.b.close()]);
      await Promise.all(place?.stores.map((store) => store.close()) ?? []);
      await place?.stop();
    });

    define(() => {
      if (rivals === undefined) throw new Error('the place is not open');
      return rivals;
    });
  });
}

/** Long enough for what happens at once to have happened. */
export async function moment(): Promise<void> {
  await sleep(150);
}

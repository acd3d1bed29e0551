import type { World } from '../scenario/world.js';
import type { SimClient } from '../scenario/sim-client.js';
import { CALM_WEATHER } from '../sim-network.js';
import { GroupMember, type JoinTerms } from './group-member.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

/** Users and what they have joined in the end. */
export interface LateMembers {
  readonly users: readonly RecipeUser[];
  readonly members: readonly GroupMember[];
}

const TIMEOUT_MS = 20_000;
/**
 * How late requests are that must come after their second try, and after whoever sent them left,
 */
const LATE_MS = 5000;
/** and those whose answers must be waited for in vain. */
const SILENT_MS = 3000;
/** So long a request takes to leave, */
const SENT_MS = 20;
/** and a member to follow what becomes of its key. */
const FOLLOWED_MS = 500;

/**
 * When all is well: somebody whose first request to join comes when it has joined by a second one
 * and left; and somebody who loses its lease while nobody hears it, and hears itself that its key
 * is gone. The first may leave no ghost, nor may the second take itself for turned out.
 */
export async function beLate(world: World, group: string): Promise<LateMembers> {
  const users = recipeUsers(world, 2);
  const members = users.map((user) => new GroupMember(world, user, group));
  const [asking, waiting] = users;
  if (asking === undefined || waiting === undefined) throw new Error('a workload has no users');
  await Promise.all(members.map((member, at) => member.join(termsOf(users[at] as RecipeUser))));
  const { client } = asking;
  const id = `${client.machine.name}-late`;
  const late = new GroupMember(world, asking, group, id);
  await whileSlow(world, client, { lateMs: LATE_MS, forMs: SENT_MS }, () =>
    late.join({ ...termsOf(asking), id }),
  );
  await late.leave();
  await waiting.client.pause(FOLLOWED_MS);
  await whileSlow(world, waiting.client, { lateMs: SILENT_MS, forMs: SILENT_MS }, () =>
    revokeLease(world, waiting, group),
  );
  await client.pause(LATE_MS);
  return { users, members };
}

function termsOf({ client }: RecipeUser): JoinTerms {
  return { id: client.machine.name, onConflict: 'reject', timeoutMs: TIMEOUT_MS };
}

/** Requests of the client that leave within `forMs` take `lateMs`; what it is sent does not. */
async function whileSlow(
  world: World,
  { machine, pause }: SimClient,
  { lateMs, forMs }: { readonly lateMs: number; readonly forMs: number },
  work: () => Promise<void>,
): Promise<void> {
  const weather = { ...CALM_WEATHER, latencyMinMs: lateMs, latencyMaxMs: lateMs + 1 };
  const { network, cluster } = world;
  const set = (is: typeof weather): void => {
    for (const member of cluster.members) network.setLinkWeather(machine, member.machine, is);
  };
  set(weather);
  const working = work();
  await pause(forMs);
  set(CALM_WEATHER);
  await working;
}

/** Somebody else takes the lease away that the client's members have. */
async function revokeLease(world: World, { client }: RecipeUser, group: string): Promise<void> {
  const operator = world.addClient();
  const key = `${group}/@members/${client.machine.name}`;
  const { kvs } = await operator.store.range({ key });
  const [kv] = kvs;
  if (kv !== undefined) await operator.store.leases.revoke(kv.lease);
}

import type { DataDirectory } from '../host/data-directory.js';
import {
  type Kernel,
  type KernelOptions,
  memberExists,
  openKernel,
  type ReplicaSettings,
} from '../kernel/index.js';
import type { Meter, Trace } from '../ports/trace.js';
import type { Network } from '../ports/network.js';
import type { Beginning } from './beginning.js';
import { openMachine } from './machine.js';
import { startFailure } from './start-failure.js';
import { undoAfter } from './undo-after.js';

export interface MemberOptions {
  readonly dataDir: string;
  readonly settings: ReplicaSettings;
  /** Asked once the directory is locked: who this member is, and how it begins. */
  readonly begin: (hasData: boolean) => Promise<Beginning>;
  readonly trace: Trace;
  readonly meter: Meter;
  /** Absent for a member that will always be alone. */
  readonly network?: Network;
  /** Makes the member the only one of its cluster. */
  readonly forceNewCluster?: boolean;
}

/** An open kernel together with the directory that it alone may use. */
export interface Member {
  readonly kernel: Kernel;
  /** Closes the kernel, then gives the directory back. Idempotent. */
  close(): Promise<void>;
}

export type OpenMember = (options: MemberOptions) => Promise<Member>;

/** What a kernel needs of its surroundings, with the way to give them back. */
export interface World extends Pick<KernelOptions, 'disk' | 'clock' | 'random'> {
  /**
   * Opens the backend, or makes one; called once it is known that a member may live here.
   * @throws whatever the backend says
   */
  readonly openBackend: () => KernelOptions['backend'];
  /** Knows whether a member has lived here; absent where nothing outlives the process. */
  readonly directory?: Pick<DataDirectory, 'checkMember' | 'noteMember' | 'discard'>;
  readonly release: () => Promise<void>;
}

/**
 * Opens the member that lives in a data directory of this machine, or makes a new one there.
 * @throws StartFailure
 */
export async function openMember(options: MemberOptions): Promise<Member> {
  try {
    return await openMemberIn(await openMachine(options.dataDir), options);
  } catch (error) {
    throw startFailure(options.dataDir, error);
  }
}

/**
 * Opens a member in a world of the caller's; if that fails the world is released. One that may not
 * begin leaves nothing behind.
 */
export async function openMemberIn(world: World, options: MemberOptions): Promise<Member> {
  const beginning = await beginIn(world, options);
  let backend: KernelOptions['backend'] | undefined;
  try {
    backend = world.openBackend();
    return await openOn(backend, beginning, world, options);
  } catch (error) {
    // The backend is the kernel's to close only once there is a kernel.
    return await undoAfter(error, options.trace, [() => backend?.close(), world.release]);
  }
}

async function beginIn(world: World, { begin, trace }: MemberOptions): Promise<Beginning> {
  const { disk, directory, release } = world;
  try {
    const hasData = await memberExists(disk);
    directory?.checkMember(hasData);
    return await begin(hasData);
  } catch (error) {
    return await undoAfter(error, trace, [() => directory?.discard() ?? release()]);
  }
}

async function openOn(
  backend: KernelOptions['backend'],
  { clusterId, member, start }: Beginning,
  { disk, clock, random, directory, release }: World,
  { settings, trace, meter, network, forceNewCluster }: MemberOptions,
): Promise<Member> {
  const kernel = await openKernel({
    disk,
    backend,
    clock,
    random,
    settings,
    trace,
    meter,
    clusterId,
    member,
    ...(start === undefined ? {} : { start }),
    ...(network === undefined ? {} : { network }),
    ...(forceNewCluster === true ? { forceNewCluster } : {}),
  });
  await directory?.noteMember().catch((error: unknown) => {
    return undoAfter(error, trace, [() => kernel.close()]);
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await kernel.close();
    } finally {
      await release();
    }
  };
  return {
    kernel,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

import type { Kernel } from '../kernel/index.js';
import { isStoreError, LIMITS } from '../store/index.js';

export interface ReadinessOptions {
  readonly kernel: Pick<Kernel, 'header' | 'members'>;
  /** Aborted when the member stops; nobody waits any longer then. */
  readonly stopping: AbortSignal;
}

/**
 * Resolves when clients are served: there is a leader, this member has read its way up to it, and
 * the cluster knows where clients find this one. That is when etcd says that it is ready. Resolves
 * with false when the member stops before.
 * @throws Error only where the kernel is broken
 */
export async function untilReady({ kernel, stopping }: ReadinessOptions): Promise<boolean> {
  const { memberId } = kernel.header();
  while (!stopping.aborted) {
    try {
      const members = await kernel.members(true);
      if (members.some(({ id, name }) => id === memberId && name !== '')) return true;
    } catch (error) {
      // Without a leader it times out; a member that has stopped itself never will be ready.
      if (!isStoreError(error)) throw error;
      if (error.code === 'Stopped') return false;
    }
    await pause(stopping);
  }
  return false;
}

function pause(stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, LIMITS.readyLookMs);
    timer.unref();
    stopping.addEventListener('abort', end, { once: true });
    if (stopping.aborted) end();
  });
}

import { OPEN_END, prefix, type RangeRequest, toText } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkGroup } from '../base/names.js';
import { RebootGroup } from './reboots.js';
import { REBOOT_ROOT } from './reboot-keys.js';

/** The first key, by name. */
const FIRST = { limit: 1, keysOnly: true, sortTarget: 'key', sortOrder: 'ascend' } as const;

/**
 * All reboot groups of a store. A group exists while it has a key; nobody creates one.
 *
 * @example
 * for (const group of await coord.rebootGroups().list()) {
 *   const { taken, max } = await coord.reboots(group).status();
 * }
 */
export class RebootGroups {
  readonly #context: RecipeContext;

  constructor(context: RecipeContext) {
    this.#context = context;
  }

  /** @throws CoordinationError `InvalidArgument` */
  group(name: string): RebootGroup {
    return new RebootGroup(this.#context, checkGroup(name));
  }

  /**
   * The names of the groups, in byte order; one read for each, however many keys it has.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async list(options: WaitOptions = {}): Promise<readonly string[]> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const names: string[] = [];
    const rangeEnd = prefix(REBOOT_ROOT).rangeEnd ?? OPEN_END;
    for (let from = REBOOT_ROOT; ; ) {
      const request: RangeRequest = { key: from, rangeEnd, ...FIRST };
      const read = await scope.retry(() => store.range(request, { signal }));
      const [kv] = read.kvs;
      if (kv === undefined) return names;
      const [name = '', ...parts] = toText(kv.key).slice(REBOOT_ROOT.length).split('/');
      const isStray = parts.length === 0;
      if (!isStray && isGroup(name)) names.push(name);
      // "0" comes right after "/", so this is past everything of the group.
      from = `${REBOOT_ROOT}${name}${isStray ? '\0' : '0'}`;
    }
  }
}

function isGroup(name: string): boolean {
  try {
    return checkGroup(name) === name;
  } catch {
    // Somebody else's key under our root.
    return false;
  }
}

import { OPEN_END, prefix, type RangeRequest, toBytes, toText } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { checkGroup, isRebootGroupName } from '../base/names.js';
import { RebootGroup } from './reboots.js';
import { REBOOT_ROOT } from './reboot-keys.js';

/** The first key, by name. */
const FIRST = { limit: 1, keysOnly: true, sortTarget: 'key', sortOrder: 'ascend' } as const;
const ROOT = toBytes(REBOOT_ROOT);
const SLASH = 0x2f;

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
   * Whether there is a group of this name: one read, however many groups there are.
   * @throws CoordinationError `Aborted`, `Timeout`, `InvalidArgument`
   */
  async has(name: string, options: WaitOptions = {}): Promise<boolean> {
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const request = { ...prefix(`${REBOOT_ROOT}${checkGroup(name)}/`), countOnly: true };
    return (await scope.retry(() => store.range(request, { signal }))).count > 0;
  }

  /**
   * The names of the groups, in byte order and at most `limit` of them, by default all; one read
   * for each, however many keys it has.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async list(options: WaitOptions & { readonly limit?: number } = {}): Promise<readonly string[]> {
    const { limit = Infinity } = options;
    const { store, closed } = this.#context;
    using scope = new CancelScope(store, options, closed);
    const { signal } = scope;
    const names: string[] = [];
    const rangeEnd = prefix(REBOOT_ROOT).rangeEnd ?? OPEN_END;
    for (let from = ROOT; ; ) {
      const request: RangeRequest = { key: from, rangeEnd, ...FIRST };
      const read = await scope.retry(() => store.range(request, { signal }));
      const [kv] = read.kvs;
      if (kv === undefined || names.length >= limit) return names;
      const slash = kv.key.indexOf(SLASH, ROOT.length);
      const name = slash < 0 ? '' : toText(kv.key.subarray(ROOT.length, slash));
      // A text of another length is not what the bytes say: decoders leave marks out.
      if (ROOT.length + name.length === slash && isRebootGroupName(name)) names.push(name);
      from = behind(kv.key, slash);
    }
  }
}

/**
 * Where to look next: behind a stray key, or behind everything of a group. Made of the key's own
 * bytes, for those need not be text, and what is made of their text may lie before them.
 */
function behind(key: Uint8Array, slash: number): Uint8Array {
  if (slash < 0) return Uint8Array.of(...key, 0);
  const next = key.slice(0, slash + 1);
  next[slash] = SLASH + 1;
  return next;
}

import {
  type KeyValue,
  prefix,
  type RangeRequest,
  type Store,
  toText,
  type TxnOperation,
  type TxnOperationResult,
} from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import { type PrefixSnapshot, readPrefixes, readUntilGood } from '../base/prefix-snapshot.js';
import { rangeOf } from '../base/queue-place.js';
import { type GroupView, type Named, viewOf } from './group-view.js';
import type { RebootKeys } from './reboot-keys.js';

/** How much of the line a reader needs: zones are in the values. */
export type LineDepth = 'none' | 'names' | 'zones';

/**
 * Reads what one node's step needs of a group, in one transaction and so at one revision:
 * everything but the audit trail and the other nodes, which are only counted.
 */
export async function readGroup(
  store: Store,
  scope: CancelScope,
  keys: RebootKeys,
  node: string,
  depth: LineDepth,
): Promise<GroupView> {
  const { signal } = scope;
  const success = requests(keys, node, depth);
  const { header, responses } = await scope.retry(() => store.txn({ success }, { signal }));
  const [policy, epoch, slots, dues, cooldowns, holds, own, count, wants, polls] = responses;
  const named = (found: TxnOperationResult | undefined, before: string): Named =>
    pairs(found).map((kv) => [toText(kv.key).slice(before.length), kv]);
  return viewOf({
    group: keys.group,
    revision: header.revision,
    policy: pairs(policy)[0],
    epoch: pairs(epoch)[0],
    slots: named(slots, keys.slots),
    dues: named(dues, keys.dues),
    cooldowns: named(cooldowns, keys.cooldowns),
    holds: named(holds, keys.holds),
    nodes: named(own, keys.nodes),
    nodeCount: count?.kind === 'range' ? count.count : 0,
    wants: named(wants, keys.wants),
    polls: named(polls, keys.polls),
  });
}

/** Reads a whole group at one revision. */
export async function readWholeGroup(
  store: Store,
  scope: CancelScope,
  keys: RebootKeys,
): Promise<PrefixSnapshot> {
  const read = () => readPrefixes(store, [keys.root], scope.signal);
  const [snapshot] = await readUntilGood(store, scope, read, () => undefined);
  return snapshot;
}

/** The view of a group that was read, or is followed, as a whole. */
export function viewOfSnapshot(group: string, { revision, entries }: PrefixSnapshot): GroupView {
  const under = (part: string): Named =>
    [...entries]
      .filter(([name]) => name.startsWith(part))
      .map(([name, kv]) => [name.slice(part.length), kv]);
  const nodes = under('node/');
  return viewOf({
    group,
    revision,
    policy: entries.get('policy'),
    epoch: entries.get('epoch'),
    slots: under('slot/'),
    dues: under('due/'),
    cooldowns: under('cooldown/'),
    holds: under('hold/'),
    nodes,
    nodeCount: nodes.length,
    wants: under('want/'),
    polls: under('poll/'),
  });
}

function requests(keys: RebootKeys, node: string, depth: LineDepth): readonly TxnOperation[] {
  const under = (part: string, more: Partial<RangeRequest> = {}): TxnOperation => ({
    kind: 'range',
    ...prefix(part),
    ...more,
  });
  const line = (part: string): readonly TxnOperation[] =>
    depth === 'none' ? [] : [under(part, depth === 'names' ? { keysOnly: true } : {})];
  return [
    { kind: 'range', key: keys.policy },
    { kind: 'range', key: keys.epoch },
    under(keys.slots),
    under(keys.dues, { keysOnly: true }),
    under(keys.cooldowns),
    under(keys.holds),
    { kind: 'range', key: keys.nodes + node },
    under(keys.nodes, { countOnly: true }),
    ...line(keys.wants),
    ...line(keys.polls),
  ];
}

function pairs(found: TxnOperationResult | undefined): readonly KeyValue[] {
  return rangeOf(found) ?? [];
}

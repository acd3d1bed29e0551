import {
  type Compare,
  isStoreError,
  type KeyValue,
  prefix,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../../store/index.js';
import { awaitChange } from '../base/await-change.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Session } from '../base/session.js';
import { takeBack } from '../base/take-back.js';
import { GrantAttempt, type WishTerms } from './grant-attempt.js';
import { readGroup } from './group-reader.js';
import { holderOf, type GroupView, slotIn } from './group-view.js';
import { GroupWriter } from './group-writer.js';
import { aheadOf, type Asker, judge, positionOf } from './judge.js';
import { type RebootKeys, stirring } from './reboot-keys.js';
import { encodeNote } from './reboot-records.js';
import type { RebootVerdict } from './reboot-rule.js';
import type { RebootHolder, RebootTry } from './reboot-status.js';
import { windowState } from './reboot-window.js';

type Refusal = Extract<RebootVerdict, { kind: 'refuse' }>;

/** Up to this much is added to a wait for a window, so that not everybody comes at its opening. */
const JITTER_MS = 1000;
/** How often somebody without a session reads again unasked. */
const IDLE_POLL_MS = 15_000;

/**
 * One node's way to a slot: look, judge, and take a slot if the verdict allows it, in a transaction
 * that compares everything which the verdict rests on. Whoever waits does that again after every
 * change that could matter, so a window that closes, or a hold that comes, during the wait counts.
 * Only heads of the line watch the group; all others watch whoever is before them.
 */
export class RebootRequest {
  readonly #context: RecipeContext;
  readonly #keys: RebootKeys;
  readonly #wish: WishTerms;
  readonly #writer: GroupWriter;
  readonly #attempt: GrantAttempt;
  /** Whether zones mattered when the group was last seen. */
  #needsZones = false;
  #session: Session | undefined;
  /** What the entry in line says; it is fixed when the zone is known. */
  #value = '';
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** Whether an earlier write of the entry may still take effect. */
  #isUnsure = false;

  constructor(context: RecipeContext, keys: RebootKeys, wish: WishTerms) {
    this.#context = context;
    this.#keys = keys;
    this.#wish = wish;
    this.#writer = new GroupWriter(context, keys);
    this.#attempt = new GrantAttempt(context, keys, this.#writer, wish);
  }

  /** @throws CoordinationError `SessionLost`, and whatever ends `outer` */
  async wait(outer: CancelScope): Promise<RebootHolder> {
    using scope = new CancelScope(this.#context.store, {}, outer.ended);
    for (;;) {
      const view = await this.#look(scope);
      const mine = view.line.find(({ node }) => node === this.#wish.node)?.kv;
      const outcome = await this.#tryOnce(scope, view, mine);
      if (outcome === 'again') continue;
      if (outcome.kind === 'held') {
        // What was sent to stand in line may still come, also when the slot came in another way.
        if (mine !== undefined || this.#isUnsure) this.abandon();
        return outcome.holder;
      }
      if (mine === undefined || mine.lease !== this.#session?.lease) {
        await this.#standInLine(scope, view);
      } else await this.#awaitTurn(scope, view, outcome);
    }
  }

  /** Asks once; a refusal leaves a trace that ends by itself, if that is wanted. */
  async ask(outer: CancelScope, pollTtlSeconds: number | undefined): Promise<RebootTry> {
    using scope = new CancelScope(this.#context.store, {}, outer.ended);
    for (;;) {
      const view = await this.#look(scope);
      const mine = view.line.find(({ node }) => node === this.#wish.node)?.kv;
      const outcome = await this.#tryOnce(scope, view, mine);
      if (outcome === 'again') continue;
      if (outcome.kind === 'held') return { ok: true, holder: outcome.holder };
      if (pollTtlSeconds !== undefined && mine === undefined) {
        await this.#leaveTrace(scope, view, pollTtlSeconds);
      }
      return this.#refusal(view, outcome);
    }
  }

  /** Leaves the line behind the caller's back, unless somebody else now waits for the same node. */
  abandon(): void {
    const session = this.#session;
    if (session === undefined) return;
    const key = this.#keys.wants + this.#wish.node;
    takeBack(this.#context, {
      session,
      lastWrite: this.#lastWrite,
      isUnsure: this.#isUnsure,
      undo: {
        compare: [
          { key, target: 'value', operator: '=', operand: this.#value },
          { key, target: 'lease', operator: '=', operand: session.lease },
        ],
        success: [{ kind: 'delete', key }],
      },
    });
  }

  async #look(scope: CancelScope): Promise<GroupView> {
    const { store } = this.#context;
    const depth = (): 'zones' | 'names' => (this.#needsZones ? 'zones' : 'names');
    for (;;) {
      const view = await readGroup(store, scope, this.#keys, this.#wish.node, depth());
      const matters = (view.policy?.order ?? null) !== null;
      const isEnough = !matters || this.#needsZones;
      this.#needsZones = matters;
      if (!isEnough) continue;
      if (this.#value === '') this.#value = encodeNote({ ...this.#wish, ...this.#asker(view) });
      return view;
    }
  }

  async #tryOnce(
    scope: CancelScope,
    view: GroupView,
    mine: KeyValue | undefined,
  ): Promise<{ readonly kind: 'held'; readonly holder: RebootHolder } | Refusal | 'again'> {
    const asker = this.#asker(view);
    const slot = slotIn(view, asker.node);
    if (slot !== undefined && slot.record.phase !== 'soaking') {
      return this.#attempt.isAfterReboot(slot)
        ? await this.#attempt.adopt(scope, view, slot)
        : { kind: 'held', holder: holderOf(slot) };
    }
    // Those in the middle of the line leave it to its heads to see what has run out.
    const isHead = aheadOf(view, asker) === undefined;
    if (isHead && (await this.#writer.tend(scope, view))) return 'again';
    const verdict = judge(view, asker, this.#context.store.clock.wall());
    if (verdict.kind === 'refuse') return verdict;
    return await this.#attempt.grant(scope, view, asker, this.#turn(view, mine));
  }

  /** The condition that nobody has come before this node since it looked. */
  #turn(view: GroupView, mine: KeyValue | undefined): Compare {
    if (mine === undefined) {
      const operand = view.revision + 1;
      return { ...prefix(this.#keys.wants), target: 'mod', operator: '<', operand };
    }
    const key = this.#keys.wants + this.#wish.node;
    return { key, target: 'create', operator: '=', operand: mine.createRevision };
  }

  /** Enters the line, or takes over the entry that an earlier session of the node left in it. */
  async #standInLine(scope: CancelScope, view: GroupView): Promise<void> {
    if (this.#session === undefined) {
      this.#session = await this.#context.sessions.shared(scope);
      scope.add(this.#session.ended);
    }
    const { lease } = this.#session;
    const { node } = this.#wish;
    await this.#write(scope, {
      compare: [this.#slotIsFree(view)],
      success: [
        { kind: 'put', key: this.#keys.wants + node, value: this.#value, lease },
        { kind: 'delete', key: this.#keys.polls + node },
        ...this.#attempt.introduce(view),
      ],
    });
  }

  /** Makes a wish visible that is not waited for, or keeps it so. */
  async #leaveTrace(scope: CancelScope, view: GroupView, ttlSeconds: number): Promise<void> {
    const { store } = this.#context;
    const { node } = this.#wish;
    const key = this.#keys.polls + node;
    const known = view.polls.find((entry) => entry.node === node)?.kv.lease ?? 0n;
    const isKept =
      known !== 0n &&
      (await scope.retry(() => store.leases.keepAlive(known).then(isThere, isGone)));
    if (isKept) return;
    const clock = await this.#writer.clock(scope, ttlSeconds);
    if (clock === undefined) return;
    this.#writer.use([clock.lease]);
    const { succeeded } = await scope.retry(() =>
      store.txn({
        compare: [
          this.#slotIsFree(view),
          { key: this.#keys.wants + node, target: 'create', operator: '=', operand: 0 },
        ],
        success: [
          { kind: 'put', key, value: this.#value, lease: clock.lease },
          ...this.#attempt.introduce(view),
        ],
      }),
    );
    if (!succeeded) this.#writer.drop([clock.lease]);
  }

  #slotIsFree(view: GroupView): Compare {
    const slot = view.slots.find(({ node }) => node === this.#wish.node);
    const key = this.#keys.slots + this.#wish.node;
    return { key, target: 'mod', operator: '=', operand: slot?.modRevision ?? 0 };
  }

  async #awaitTurn(scope: CancelScope, view: GroupView, refusal: Refusal): Promise<void> {
    const startRevision = view.revision + 1;
    const own = { key: this.#keys.wants + this.#wish.node, startRevision, noPut: true };
    const ahead = aheadOf(view, this.#asker(view));
    const watches: WatchRequest[] =
      ahead === undefined
        ? [
            own,
            { ...stirring(this.#keys), startRevision },
            { key: this.#keys.policy, startRevision },
            { ...prefix(this.#keys.slots), startRevision, noPut: true },
          ]
        : [own, { key: ahead.kv.key, startRevision }];
    const pollMs = this.#context.safetyPollMs(this.#session?.ttlMs ?? IDLE_POLL_MS);
    const waitMs = ahead === undefined ? this.#untilRetry(refusal, pollMs) : pollMs;
    await awaitChange(this.#context.store, scope, watches, waitMs);
  }

  /** Time on its own opens windows and ends pauses, and nobody announces that. */
  #untilRetry({ retryAtMs }: Refusal, pollMs: number): number {
    const { clock, random } = this.#context.store;
    const leftMs = (retryAtMs ?? 0) - clock.wall();
    if (leftMs <= 0 || leftMs >= pollMs) return pollMs;
    return Math.min(pollMs, leftMs + random.below(JITTER_MS) + 1);
  }

  #refusal(view: GroupView, { rule, reason, retryAtMs }: Refusal): RebootTry {
    const asker = this.#asker(view);
    const polls = view.polls.findIndex(({ node }) => node === asker.node);
    const before = polls < 0 ? view.polls.length : polls;
    const now = windowState(view.policy?.windows ?? [], this.#context.store.clock.wall());
    const inLine = view.line.some(({ node }) => node === asker.node);
    return {
      ok: false,
      revision: view.revision,
      rule,
      reason,
      position: positionOf(view, asker) + (inLine ? 0 : before),
      ...(retryAtMs === undefined ? {} : { retryAtMs }),
      ...(now.isOpen ? {} : { nextWindowMs: now.opensMs }),
    };
  }

  #asker(view: GroupView): Asker {
    const { node, zone } = this.#wish;
    return { node, zone: zone ?? view.nodes.get(node) ?? '' };
  }

  #write(scope: CancelScope, request: TxnRequest): Promise<TxnResult> {
    return scope.retry((failures) => {
      this.#isUnsure ||= failures > 0;
      const call = this.#context.store.txn(request);
      const write = this.#session?.attach(call) ?? call;
      this.#lastWrite = write;
      return write;
    });
  }
}

function isThere(): boolean {
  return true;
}

/** Whether a lease could be renewed, when that failed. */
function isGone(error: unknown): boolean {
  if (isStoreError(error, 'LeaseNotFound')) return false;
  throw error;
}

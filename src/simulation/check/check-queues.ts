import type { KeyValue, RevisionBatch } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import { Tenures } from './tenures.js';
import type { Writer } from './unclaimed.js';

/** A message: its body, and where it is. */
const KEY = /^(.+)\/@queue\/(?:index\/)?(body|ready|claim|delayed|dead)\/(?:\d+\/)?([^/]+)$/s;
const PLACES = ['ready', 'delayed', 'dead'];

interface Message {
  body: KeyValue | undefined;
  claim: KeyValue | undefined;
  readonly places: Set<string>;
  attempts: number;
}

/** What one revision did to one message. */
interface Step {
  readonly before: Pick<Message, 'body' | 'claim' | 'attempts'> & { readonly wasDead: boolean };
  claimed: KeyValue | undefined;
}

/**
 * `K8`: a message is in one place as long as it exists: ready, waiting for its time, or given up.
 * It goes only when whoever has claimed it acknowledges it, or when it is discarded after it was
 * given up; it is claimed by one at a time, and each claim counts. What senders and consumers are
 * told of messages is so.
 */
export class QueueCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  /** Those of consumers over messages. */
  readonly tenures = new Tenures();
  readonly #messages = new Map<string, Message>();
  /** Who made the claim. */
  readonly #claimers = new Map<KeyValue, Writer | undefined>();
  /** Revisions that made a body, by message, */
  readonly #sent = new Map<string, number[]>();
  /** and those in which one was acknowledged. */
  readonly #acked = new Set<string>();

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
  }

  /** To be called once. */
  run(): void {
    const { history } = this.#facts;
    for (const batch of history.revisions) this.#apply(batch);
    for (const note of history.recipes ?? []) {
      if (note.kind === 'sent') this.#checkSent(note);
      else if (note.kind === 'acked') this.#checkAcked(note);
    }
  }

  #apply({ revision, events }: RevisionBatch): void {
    const steps = new Map<string, Step>();
    for (const { type, kv } of events) {
      const [key, queue = '', part = '', id = ''] = KEY.exec(keyText(kv.key)) ?? [];
      if (key === undefined) continue;
      const name = `${queue}/${id}`;
      const message = this.#messages.get(name) ?? newMessage();
      this.#messages.set(name, message);
      const { body, claim, attempts, places } = message;
      const before = { body, claim, attempts, wasDead: places.has('dead') };
      const step = steps.get(name) ?? { before, claimed: undefined };
      steps.set(name, step);
      const pair = type === 'put' ? kv : undefined;
      if (part === 'body') message.body = pair;
      else if (part === 'claim') {
        message.claim = pair;
        step.claimed ??= pair;
      } else if (pair === undefined) message.places.delete(part);
      else {
        message.places.add(part);
        const count = fieldsOf(kv)['attempts'];
        message.attempts = typeof count === 'number' ? count : 0;
      }
    }
    for (const [name, step] of steps) this.#judge(name, step, revision);
  }

  #judge(name: string, { before, claimed }: Step, revision: number): void {
    const message = this.#messages.get(name);
    if (message === undefined) return;
    const { body, claim, places, attempts } = message;
    const fail = (why: string): void => {
      const atMs = this.#facts.timeline.knownByMs(revision);
      this.#report.add('K8', `message ${name}: revision ${revision} ${why}`, atMs);
    };
    const where = PLACES.filter((place) => places.has(place)).join(', ');
    if (body !== undefined && places.size === 0) fail('leaves it nowhere');
    if (body === undefined && places.size > 0) fail(`leaves it ${where} without a body`);
    if (places.size > 1) fail(`leaves it ${where}`);
    if (claim !== undefined && !places.has('ready')) fail('leaves it claimed and not ready');
    if (body !== undefined && before.body !== body) this.#noteSent(name, revision);
    if (body !== undefined && body.version > 1) fail('sends it again while it exists');
    const writer = this.#facts.writers[revision];
    if (before.claim !== undefined && before.claim !== claim) {
      this.tenures.end(name, revision, writer);
    }
    if (claimed !== undefined) {
      if (before.claim !== undefined) fail('claims what is claimed');
      if (claimed.lease === 0n) fail('claims it without a lease');
      if (attempts !== before.attempts + 1) fail(`counts ${attempts} after ${before.attempts}`);
      this.#claimers.set(claimed, writer);
      const { createRevision: fence, lease } = claimed;
      this.tenures.begin(name, { fence, owner: name, lease, from: revision });
    }
    if (before.body === undefined || body !== undefined) return;
    if (before.claim === undefined) {
      if (!before.wasDead) fail('loses it: nobody had claimed it');
      return;
    }
    this.#acked.add(`${revision} ${name}`);
    const claimer = clientOf(this.#claimers.get(before.claim));
    const acker = clientOf(writer);
    if (claimer === acker || claimer === undefined) return;
    fail(`loses it: client ${acker} ends it, and client ${claimer} has it`);
  }

  #noteSent(name: string, revision: number): void {
    const revisions = this.#sent.get(name);
    if (revisions === undefined) this.#sent.set(name, [revision]);
    else revisions.push(revision);
  }

  #checkSent({ queue, id, invokedMs, atMs }: Extract<RecipeNote, { kind: 'sent' }>): void {
    const { births, timeline } = this.#facts;
    const revisions = this.#sent.get(`${queue}/${id}`) ?? [];
    const isThere = revisions.some(
      (revision) =>
        births.earliestMs(revision) <= atMs && timeline.knownByMs(revision) >= invokedMs,
    );
    if (isThere) return;
    this.#report.add('K8', `message ${queue}/${id} was accepted, and never sent`, atMs);
  }

  #checkAcked({ queue, id, fence, atMs }: Extract<RecipeNote, { kind: 'acked' }>): void {
    const name = `${queue}/${id}`;
    const tenure = this.tenures.withFence(name, fence);
    const isDone = tenure?.to !== undefined && this.#acked.has(`${tenure.to} ${name}`);
    if (isDone && this.#facts.births.earliestMs(tenure?.to ?? 0) <= atMs) return;
    const message = `the delivery of message ${name} with fence ${fence} was said to be acknowledged, and did not end so`;
    this.#report.add('K8', message, atMs);
  }
}

function newMessage(): Message {
  return { body: undefined, claim: undefined, places: new Set(), attempts: 0 };
}

function clientOf(writer: Writer | undefined): number | undefined {
  return writer?.kind === 'operation' ? writer.operation.client : undefined;
}

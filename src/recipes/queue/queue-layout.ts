import type { KeyLayout } from '../base/key-layout.js';

/** Smaller numbers come later; a queue has this many priorities, from 0 on. */
export const PRIORITIES = 1000;

/** Where one queue keeps what. */
export interface QueueKeys {
  /** Prefix of everything but the messages themselves. */
  readonly index: string;
  /** Prefix of what was sent, by message id. */
  readonly body: string;
  /** Prefix of the marks of messages that were sent more than once, by their nonces. */
  readonly answered: string;
  /** Prefix of what may be received or is claimed, by rank and message id. */
  readonly ready: string;
  /** Prefix of the claims of consumers, by message id. */
  readonly claim: string;
  /** Prefix of what waits for its time, by message id. */
  readonly delayed: string;
  /** Prefix of the clocks of those: a key with a lease that ends when the time has come. */
  readonly delay: string;
  /** Prefix of what was given up, by message id. */
  readonly dead: string;
  /** Prefix of consumers that have nothing to do, by create revision. */
  readonly line: string;
}

export function queueKeys(name: string): QueueKeys {
  const all = `${name}/@queue/`;
  const index = `${all}index/`;
  return {
    index,
    body: `${all}body/`,
    answered: `${all}answered/`,
    ready: `${index}ready/`,
    claim: `${index}claim/`,
    delayed: `${index}delayed/`,
    delay: `${index}delay/`,
    dead: `${index}dead/`,
    line: `${index}line/`,
  };
}

/** The segment of a priority: the highest one comes first in the order of keys. */
export function rankOf(priority: number): string {
  return String(Math.max(0, PRIORITIES - 1 - priority)).padStart(3, '0');
}

/** The priority that a segment stands for. */
export function priorityOf(rank: string): number {
  return PRIORITIES - 1 - Number(rank);
}

const recipe = 'queue';
const version = 1;

/** The keys of a queue. */
export const QUEUE_LAYOUT: readonly KeyLayout[] = [
  {
    recipe,
    version,
    pattern: '<name>/@queue/body/<id>',
    meaning: 'message <id> of queue <name> was sent and not yet acknowledged or discarded',
    value: '{identity, sinceMs, value, nonce}: who sent it when, and what',
    lease: 'none: a message outlives its sender',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/answered/<nonce>',
    meaning: 'a message of queue <name> was tried again and answered; its late requests do nothing',
    value: 'sent; or refused, because its id existed',
    lease: 'one of its own, of about a quarter of an hour',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/ready/<rank>/<id>',
    meaning: 'message <id> of queue <name> is ready, or claimed; its priority is 999 minus <rank>',
    value: '{attempts}: how often it was claimed',
    lease: 'none',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/claim/<id>',
    meaning: 'a consumer works on message <id> of queue <name>; nobody else gets it meanwhile',
    value: '{identity, sinceMs, metadata, nonce}',
    lease: 'the session of the consumer',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/delayed/<id>',
    meaning: 'message <id> of queue <name> waits for its time',
    value: '{attempts, priority}',
    lease: 'none',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/delay/<id>',
    meaning: 'the time of message <id> of queue <name> has not come',
    value: 'empty',
    lease: 'one of its own, which ends when the time has come',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/dead/<id>',
    meaning: 'message <id> of queue <name> was given up',
    value: '{identity, sinceMs, attempts, priority, reason}',
    lease: 'none: somebody has to look at it',
  },
  {
    recipe,
    version,
    pattern: '<name>/@queue/index/line/<lease>-<nonce>',
    meaning: 'a consumer of queue <name> waits for a message, in the order of create revisions',
    value: '{identity, sinceMs, metadata}',
    lease: 'the session of the consumer',
  },
];

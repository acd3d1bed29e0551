import type { Clock, Timer } from '../ports/clock.js';
import { LIMITS, StoreError } from '../store/index.js';
import type { Condition, Link } from './link.js';

/**
 * The first of `links` that is in good condition; failing that, the first that answers at all. One
 * is asked after the other, but none is waited for long before the next is asked as well, so that a
 * member that is silent costs a moment and not its whole patience.
 * @throws StoreError `Unavailable` that says of each endpoint why not
 */
export function searchLink(links: readonly Link[], clock: Clock): Promise<Link> {
  return new Promise((resolve, reject) => {
    const conditions = new Map<Link, Condition>();
    let asked = 0;
    let over = false;
    let timer: Timer | undefined;
    const conclude = (): void => {
      over = true;
      timer?.cancel();
      const best =
        links.find((link) => conditions.get(link)?.kind === 'good') ??
        links.find((link) => conditions.get(link)?.kind === 'poor');
      if (best !== undefined) resolve(best);
      else reject(nobody(links, conditions));
    };
    const askNext = (): void => {
      timer?.cancel();
      const link = links[asked];
      if (over || link === undefined) return;
      asked++;
      timer = clock.timer(LIMITS.clientDialStaggerMs, askNext);
      void link.look().then((condition) => {
        if (over) return;
        conditions.set(link, condition);
        if (condition.kind === 'good' || conditions.size === links.length) conclude();
        else askNext();
      });
    };
    askNext();
  });
}

function nobody(links: readonly Link[], conditions: ReadonlyMap<Link, Condition>): StoreError {
  const reasons = links.map((link) => {
    const condition = conditions.get(link);
    const reason = condition?.kind === 'silent' ? condition.reason : 'no answer';
    return `${link.endpoint.url} (${reason})`;
  });
  return new StoreError('Unavailable', `no endpoint answers: ${reasons.join(', ')}`);
}

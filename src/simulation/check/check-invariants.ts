import { toText } from '../../store/index.js';
import { ACCOUNT, decodeSigned, DUTY } from './bank-keys.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

/** Accounts whose sum must stay, or a pair of whom one must be on duty. */
interface Rule {
  readonly amounts: Map<string, number>;
  /** The sum of the accounts as they were opened together; undefined for a pair. */
  wanted: number | undefined;
  readonly isBank: boolean;
  sum: number;
}

/**
 * `K13`, as its users want it: money that is only moved is all there at every revision, and of two
 * of whom one has to be on duty nobody goes because the other one, who goes as well, was there.
 */
export function checkInvariants({ history, keys }: RecipeFacts, report: Report): void {
  const rules = new Map<string, Rule>();
  for (const [at, { revision, events }] of history.revisions.entries()) {
    const touched = new Set<string>();
    for (const [place, { type, kv }] of events.entries()) {
      const key = keys[at]?.[place] ?? '';
      const bank = ACCOUNT.exec(key)?.[1];
      const name = bank ?? DUTY.exec(key)?.[1];
      if (name === undefined) continue;
      touched.add(name);
      const isBank = bank !== undefined;
      const rule = rules.get(name) ?? { amounts: new Map(), wanted: undefined, isBank, sum: 0 };
      rules.set(name, rule);
      const amount = type === 'put' ? (decodeSigned(toText(kv.value))?.amount ?? 0) : 0;
      rule.sum += amount - (rule.amounts.get(key) ?? 0);
      rule.amounts.set(key, amount);
    }
    for (const name of touched) check(name, rules.get(name) as Rule, revision, report);
  }
}

function check(name: string, rule: Rule, revision: number, report: Report): void {
  const { isBank, sum } = rule;
  if (!isBank) {
    if (sum < 1) report.add('K13', `${name}: in revision ${revision} nobody is on duty`);
    return;
  }
  rule.wanted ??= sum;
  if (sum === rule.wanted) return;
  const message = `accounts of ${name}: in revision ${revision} they have ${sum} of ${rule.wanted}`;
  report.add('K13', message);
}

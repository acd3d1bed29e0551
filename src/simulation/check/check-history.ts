import { Births } from './births.js';
import { checkBarriers } from './check-barriers.js';
import { CompactionCheck } from './check-compaction.js';
import { checkCounters } from './check-counters.js';
import { checkElections, checkObservers } from './check-elections.js';
import { checkFences } from './check-fences.js';
import { GateCheck } from './check-gates.js';
import { GuardedCheck } from './check-guarded.js';
import { checkHolders } from './check-holders.js';
import { checkInvariants } from './check-invariants.js';
import { LatchCheck } from './check-latches.js';
import { checkLeaseCalls } from './check-lease-calls.js';
import { LeaseCheck } from './check-leases.js';
import { checkLocks } from './check-locks.js';
import { checkMembers } from './check-members.js';
import { MembershipCheck } from './check-memberships.js';
import { checkOrder } from './check-order.js';
import { QueueCheck } from './check-queues.js';
import { checkReadWrite } from './check-read-write.js';
import { checkReboots } from './check-reboots.js';
import { checkRefusals } from './check-refusals.js';
import { checkHeaders, checkRevisions } from './check-revisions.js';
import { RolloutCheck } from './check-rollouts.js';
import { checkSemaphores } from './check-semaphores.js';
import { checkSequences } from './check-sequences.js';
import { checkSharers } from './check-sharers.js';
import { TransactionCheck } from './check-transactions.js';
import { checkViews } from './check-views.js';
import { checkWatches } from './check-watches.js';
import type { History, Violation } from './history.js';
import { LeaseBook } from './lease-book.js';
import type { CheckOptions } from './options.js';
import type { RecipeFacts } from './recipe-facts.js';
import { recordedKeys } from './recorded-keys.js';
import { Replay } from './replay.js';
import { Report } from './report.js';
import { Timeline } from './timeline.js';

/** Properties by how bad it is to lose them. */
const SEVERITY: readonly string[] = [
  ...['L2', 'L1', 'L4', 'L3', 'L5', 'L6', 'L7'],
  ...['E1', 'E3', 'E4', 'E5', 'E2'],
  ...['K1', 'K2', 'K3', 'K4', 'K5', 'K6', 'K7', 'K8', 'K9', 'K10', 'K11', 'K13', 'K14', 'K15'],
  'K16',
  ...['W3', 'W2', 'W1', 'W4', 'W5', 'W7', 'W6', 'W9', 'W8'],
];

/**
 * Checks everything that was promised against everything that was seen. No violation: the history
 * is one that a correct store can produce, as far as the properties of docs/faults.md go. The worst
 * comes first, and of equals the earliest.
 */
export function checkHistory(history: History, options: CheckOptions = {}): readonly Violation[] {
  const report = new Report(options.violationsMax);
  // With a gap in the revisions nothing else means anything.
  const keys = recordedKeys(history.revisions);
  if (checkRevisions(history, keys, report)) {
    const timeline = new Timeline(history);
    const leases = new LeaseBook(history, options.clockDriftMax ?? 0);
    const explanation = new Replay({ history, timeline, leases, keys }, report).run();
    const { writers, positions, model } = explanation;
    const births = new Births(writers, timeline.lastRevision);
    checkOrder(history.operations, positions, report);
    checkHeaders(history, births, report);
    new CompactionCheck(history, timeline, report).run();
    checkRefusals(history, model, timeline, births, report);
    checkWatches({ history, timeline, births, model, options, keys }, report);
    const leaseFacts = { history, timeline, leases, explanation, options };
    new LeaseCheck(leaseFacts, report).run();
    checkLeaseCalls(leaseFacts, report);
    checkRecipes({ history, timeline, births, model, keys, writers }, report);
  }
  return report.violations.toSorted(
    (a, b) =>
      SEVERITY.indexOf(a.property) - SEVERITY.indexOf(b.property) || (a.atMs ?? 0) - (b.atMs ?? 0),
  );
}

function checkRecipes(facts: RecipeFacts, report: Report): void {
  const lock = checkLocks(facts, report);
  const election = checkElections(facts, report);
  checkObservers(facts, election, report);
  checkFences(facts, { lock, election }, report);
  new GuardedCheck(facts, { lock, election }, report).run();
  checkHolders(facts, 'lock', lock, report);
  checkHolders(facts, 'election', election, report);
  checkReboots(facts, report);
  checkSharers(facts, ['permit'], checkSemaphores(facts, report), report);
  checkSharers(facts, ['read', 'write'], checkReadWrite(facts, report), report);
  const queues = new QueueCheck(facts, report);
  queues.run();
  checkHolders(facts, 'message', queues.tenures, report);
  new GateCheck(facts, report).run();
  new LatchCheck(facts, report).run();
  checkHolders(facts, 'barrier', checkBarriers(facts, report), report);
  checkCounters(facts, report);
  checkSequences(facts, report);
  checkInvariants(facts, report);
  new TransactionCheck(facts, report).run();
  checkViews(facts, report);
  new RolloutCheck(facts, report).run();
  checkMembers(facts, report);
  new MembershipCheck(facts, report).run();
}

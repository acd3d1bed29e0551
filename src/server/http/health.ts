import type { ServerResponse } from 'node:http';
import type { WorkCounters } from '../metrics/work-counters.js';
import type { MemberChecks } from './checks.js';
import { replyText } from './reply.js';

/** `/health`: one word for load balancers, with a reason when it is no. */
export async function answerHealth(
  query: URLSearchParams,
  response: ServerResponse,
  checks: MemberChecks,
  work: WorkCounters,
): Promise<void> {
  const reason = await healthReason(query, checks);
  const body = JSON.stringify({ health: String(reason === ''), reason });
  if (reason === '') {
    work.healthSuccesses += 1;
    replyText(response, 200, body);
  } else {
    work.healthFailures += 1;
    replyText(response, 503, `${body}\n`);
  }
}

/** Empty when healthy. */
async function healthReason(query: URLSearchParams, checks: MemberChecks): Promise<string> {
  if (checks.isStopping()) return 'STOPPING';
  const excluded = query.getAll('exclude');
  const serializable = query.get('serializable') === 'true';
  const alarm = checks.alarms().find((name) => !excluded.includes(name));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!serializable && !checks.hasLeader()) return 'RAFT NO LEADER';
  const failure = await checks.read(serializable);
  if (failure === undefined) return '';
  return !serializable && !checks.hasLeader() ? 'RAFT NO LEADER' : `RANGE ERROR:${failure}`;
}

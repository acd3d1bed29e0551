import type { ServerResponse } from 'node:http';
import type { CheckName, MemberChecks } from './checks.js';
import { replyText } from './reply.js';

/** Which checks stand behind which probe: alive is less than ready. */
const PROBES: Readonly<Record<string, readonly CheckName[]>> = {
  '/livez': ['serializable_read'],
  '/readyz': ['data_corruption', 'serializable_read', 'linearizable_read', 'non_learner'],
};

/** The checks that a path asks for: all of a probe, or one below it; undefined for other paths. */
export function probeChecks(path: string): readonly CheckName[] | undefined {
  const whole = PROBES[path];
  if (whole !== undefined) return whole;
  for (const [probe, names] of Object.entries(PROBES)) {
    const name = names.find((each) => path === `${probe}/${each}`);
    if (name !== undefined) return [name];
  }
  return undefined;
}

/** `/livez`, `/readyz` and each check below them, as kubelet and others ask. */
export async function answerProbe(
  names: readonly CheckName[],
  query: URLSearchParams,
  response: ServerResponse,
  checks: MemberChecks,
): Promise<void> {
  const excluded = query.getAll('exclude');
  const lines: string[] = [];
  let failed = false;
  for (const name of names) {
    if (excluded.includes(name)) continue;
    const failure = await checks.run(name);
    if (failure !== undefined) failed = true;
    lines.push(failure === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${failure}\n`);
  }
  const report = lines.join('');
  if (failed) replyText(response, 503, report);
  else replyText(response, 200, query.has('verbose') ? `${report}ok\n` : 'ok\n');
}

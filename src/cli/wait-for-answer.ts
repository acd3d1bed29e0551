import type { CommandRun } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

/** A server that is well answers long before. */
const FIRST_LOOK_MS = 2000;
const ASK_WITHIN_MS = 900;

/**
 * Waits for the answer to one call, and tells a person at a terminal why it takes so long. Takes no
 * part in the call: it comes out as it does without a terminal.
 */
export async function waitForAnswer<T>(run: CommandRun, answer: Promise<T>): Promise<T> {
  using _line = new WaitingLine(() => reasonOf(run), process.stderr, FIRST_LOOK_MS);
  return await answer;
}

async function reasonOf({ endpoints, interrupt }: CommandRun): Promise<string> {
  const { askMember } = await import('../client/index.js');
  const options = { timeoutMs: ASK_WITHIN_MS, signal: interrupt.signal };
  const asked = endpoints.split(',').map((url) => askMember(url.trim(), options));
  const answers = await Promise.allSettled(asked);
  const leaders = answers.flatMap((one) =>
    one.status === 'fulfilled' ? [one.value.leaderId] : [],
  );
  if (leaders.length === 0) return `waiting; ${endpoints} does not answer at the moment`;
  if (leaders.some((id) => id !== 0n)) return `waiting for the answer of ${endpoints}`;
  return 'waiting for a leader; it takes a majority of the members to have one';
}

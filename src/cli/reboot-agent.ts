import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RebootGroup, RebootHolder } from '../recipes/index.js';
import { EXIT_CODE } from './exit-code.js';
import { bootIdIn } from './boot-id.js';
import { runChild } from './run-child.js';
import type { CommandRun } from './store-command.js';
import { WaitingLine } from './waiting-line.js';

/** What an agent is told. */
export interface RebootAgentTerms {
  readonly node: string;
  readonly zone: string | undefined;
  readonly reason: string;
  /** A line for a shell, which reboots the machine. */
  readonly command: string;
  /** The file whose existence says that the machine wants to reboot. */
  readonly sentinel: string;
  /** A line for a shell that succeeds when the machine is well; undefined: it always is. */
  readonly healthy: string | undefined;
  /** Milliseconds between two looks at sentinel and health. */
  readonly intervalMs: number;
  readonly bootIdFile: string;
  /** Ends after one report and one reboot, if there is a reason for one. */
  readonly once: boolean;
}

/** What an agent tells while it works. */
type AgentState =
  | 'unwell'
  | 'steady'
  | 'idle'
  | 'granted'
  | 'released'
  | 'rebooting'
  | 'failed'
  | 'unneeded';

/**
 * The agent of one machine: it reports that the machine is back and well, waits until there is a
 * reason to reboot, waits for a slot, and runs the command. It keeps nothing itself: the slot in
 * the store knows the boot id of the grant, so an agent that comes back after the reboot finds what
 * it needs there. A command that fails gives the slot back; one that succeeds keeps it until the
 * machine is up again.
 */
export class RebootAgent {
  readonly #group: RebootGroup;
  readonly #terms: RebootAgentTerms;
  readonly #run: CommandRun;
  readonly #signal: AbortSignal;

  constructor(group: RebootGroup, terms: RebootAgentTerms, run: CommandRun) {
    this.#group = group;
    this.#terms = terms;
    this.#run = run;
    this.#signal = run.interrupt.signal;
  }

  /** Works until interrupted. @returns the exit code */
  async work(): Promise<number> {
    const { once, bootIdFile } = this.#terms;
    const bootId = await bootIdIn(bootIdFile);
    await this.#reportSteady(bootId);
    for (;;) {
      if (await this.#isNeeded()) {
        const holder = await this.#acquire(bootId);
        const succeeded = await this.#reboot(holder, bootId);
        if (once) return succeeded ? EXIT_CODE.done : EXIT_CODE.error;
        if (succeeded) await this.#awaitEnd();
      } else {
        this.#tell('idle', `nothing to do while there is no ${this.#terms.sentinel}`);
        if (once) return EXIT_CODE.done;
        while (!(await this.#isNeeded())) await this.#pause();
        continue;
      }
      await this.#pause();
    }
  }

  /** Says that the machine is up, as soon as it is well. */
  async #reportSteady(bootId: string): Promise<void> {
    const { node, healthy } = this.#terms;
    for (let tries = 0; healthy !== undefined; tries++) {
      const code = await this.#shell(healthy, {});
      if (code === EXIT_CODE.done) break;
      if (tries === 0) this.#tell('unwell', `the health check ended with ${code}; trying again`);
      await this.#pause();
    }
    const boot = bootId === '' ? {} : { bootId };
    const { state, holder } = await this.#group.steady({ node, ...boot, signal: this.#signal });
    if (state !== 'not-rebooted') {
      const text = { released: 'gave its slot back', soaking: 'keeps its slot for the soak time' };
      const what = state === 'not-held' ? 'had no slot' : text[state];
      return this.#tell('steady', `${node} is up and ${what}`, { slot: state });
    }
    if (await this.#isNeeded()) return;
    // The reason went away between the grant and the reboot that never came.
    await this.#giveBack(holder, 'there is no reason to reboot any more');
    this.#tell('unneeded', `${node} had a slot and no reason any more: gave it back`);
  }

  async #acquire(bootId: string): Promise<RebootHolder> {
    const { node, zone, reason } = this.#terms;
    using _line = new WaitingLine(async () => `waiting: ${(await this.#group.plan(node)).reason}`);
    const holder = await this.#group.acquire({
      node,
      reason,
      signal: this.#signal,
      ...(zone === undefined ? {} : { zone }),
      ...(bootId === '' ? {} : { bootId }),
    });
    this.#tell('granted', `${node} may reboot`, { revision: holder.revision });
    return holder;
  }

  /** @returns whether the machine is about to go down */
  async #reboot(holder: RebootHolder, bootId: string): Promise<boolean> {
    const { node, command, sentinel } = this.#terms;
    if (!(await this.#isNeeded())) {
      await this.#giveBack(holder, `${sentinel} is gone`);
      this.#tell('unneeded', `${sentinel} went away while ${node} waited: gave the slot back`);
      return false;
    }
    const boot = bootId === '' ? {} : { bootId };
    const slot = await this.#group.rebooting({ node, ...boot, signal: this.#signal });
    // One that is being watched ends by itself, and the machine would still be away.
    if (slot === undefined || slot.phase === 'soaking') {
      this.#tell('released', `the slot of ${node} was released before it went`);
      return false;
    }
    this.#tell('rebooting', `${node} reboots: ${command}`);
    const failure = await this.#shell(command, {
      TIDELOCK_REBOOT_GROUP: this.#group.group,
      TIDELOCK_REBOOT_NODE: node,
      TIDELOCK_REBOOT_REVISION: String(slot.revision),
    }).then(
      (code) => (code === EXIT_CODE.done ? undefined : `it ended with ${code}`),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (failure === undefined || this.#signal.aborted) return true;
    await this.#giveBack(slot, `the reboot command failed: ${failure}`);
    this.#tell('failed', `the command failed, and the slot is given back: ${failure}`);
    return false;
  }

  async #giveBack(holder: RebootHolder | undefined, reason: string): Promise<void> {
    const { node } = this.#terms;
    const exact = holder === undefined ? {} : { revision: holder.revision };
    await this.#group.release({ node, reason, ...exact, signal: this.#signal });
  }

  /** The machine goes down and takes this process with it; until then there is nothing to do. */
  async #awaitEnd(): Promise<never> {
    for (;;) await this.#pause();
  }

  async #isNeeded(): Promise<boolean> {
    try {
      await stat(this.#terms.sentinel);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  #shell(line: string, environment: Readonly<Record<string, string>>): Promise<number> {
    return runChild({
      words: ['/bin/sh', '-c', line],
      environment,
      lost: NEVER,
      interrupt: this.#run.interrupt,
      graceMs: this.#terms.intervalMs,
      // Standard output has what the agent tells, which programs read.
      output: 'standard error',
    });
  }

  async #pause(): Promise<void> {
    await sleep(this.#terms.intervalMs, undefined, { signal: this.#signal });
  }

  #tell(
    state: AgentState,
    line: string,
    more: { readonly revision?: number; readonly slot?: string } = {},
  ): void {
    const { group } = this.#group;
    const { node } = this.#terms;
    this.#run.output.write({ state, group, node, revision: null, ...more }, () => [line]);
  }
}

const NEVER = new AbortController().signal;

import type { MemberLook } from './cluster-member.js';

/** A member's line before it is drawn. */
export interface MemberLine {
  readonly name: string;
  readonly url: string;
  readonly look: MemberLook;
  /** Seconds until it is started again, for one that is gone. */
  readonly backInSeconds?: number;
}

/** Where the lines are shown. */
export interface ClusterScreenTarget {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const DEFAULT_COLUMNS = 80;
const KIBIBYTE = 1024;

/** Which is no member's name. */
const VERDICT = '';

/**
 * One line for each member, and one for what they come to, kept up to date in place on a terminal.
 * Where nobody looks, a line is written anew whenever it has changed, so that a file tells what
 * happened.
 */
export class ClusterScreen {
  readonly #target: ClusterScreenTarget;
  readonly #shown = new Map<string, string>();
  #drawn = 0;

  constructor(target: ClusterScreenTarget) {
    this.#target = target;
  }

  show(lines: readonly MemberLine[], verdict: string): void {
    if (this.#target.isTTY === true) this.#redraw(lines, verdict);
    else {
      for (const { backInSeconds: _left, ...lasting } of lines) {
        this.#append(lasting.name, memberText(lasting));
      }
      this.#append(VERDICT, verdict);
    }
  }

  #redraw(lines: readonly MemberLine[], verdict: string): void {
    const width = (this.#target.columns ?? DEFAULT_COLUMNS) - 1;
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    const rows = lines.map((line) => {
      return `\u001b[2K${colourOf(line.look)}${memberText(line).slice(0, width)}\u001b[39m\n`;
    });
    rows.push(`\u001b[2K${verdict.slice(0, width)}\n`);
    this.#target.write(`${up}${rows.join('')}`);
    this.#drawn = rows.length;
  }

  #append(who: string, text: string): void {
    if (this.#shown.get(who) === text) return;
    this.#shown.set(who, text);
    this.#target.write(`${text}\n`);
  }
}

function colourOf(look: MemberLook): string {
  if (look.kind === 'gone') return '\u001b[31m';
  if (look.kind === 'starts') return '\u001b[39m';
  if (look.kind === 'silent' || !isHealthy(look)) return '\u001b[33m';
  return look.report.role === 'leader' ? '\u001b[32m' : '\u001b[39m';
}

function isHealthy(look: MemberLook & { kind: 'serves' }): boolean {
  const { leaderId, errors, alarms } = look.report;
  return leaderId !== 0n && errors.length === 0 && alarms.length === 0;
}

/** The line of a member, without colour. */
export function memberText({ name, url, look, backInSeconds }: MemberLine): string {
  const address = url.replace(/^[a-z]+:\/\//, '');
  const who = `${name}  ${address}`;
  if (look.kind === 'gone') {
    const back = backInSeconds === undefined ? '' : `, back in ${backInSeconds} s`;
    return `${who}  gone (${look.how})${back}`;
  }
  if (look.kind === 'starts') return `${who}  pid ${look.pid}  starts`;
  if (look.kind === 'silent') return `${who}  pid ${look.pid}  does not answer`;
  const { role, raftTerm, raftIndex, revision, sizeBytes, errors, alarms, leaderId } = look.report;
  const fault = leaderId === 0n ? 'knows no leader' : (errors[0]?.trim() ?? alarms.join(' '));
  const facts = [
    `pid ${look.pid}`,
    (leaderId === 0n ? 'waits' : role).padEnd(9),
    `term ${raftTerm}`,
    `index ${raftIndex}`,
    `revision ${revision}`,
    `${Math.ceil(sizeBytes / KIBIBYTE)} KiB`,
    fault === '' ? 'healthy' : fault,
  ];
  return `${who}  ${facts.join('  ')}`;
}

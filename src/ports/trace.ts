/** How much an event matters. `error` fails a simulation and is what an operator is paged for. */
export type Severity = 'debug' | 'info' | 'warn' | 'error';

/** Plain values that describe an event. Never a key's value, a password or a token. */
export type TraceFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Structured events of a member, for its log and for the simulation's checkers. */
export interface Trace {
  event(severity: Severity, name: string, fields?: TraceFields): void;
}

/** Durations and sizes for an operator's graphs; the names are those of the server's metrics. */
export interface Meter {
  observe(name: MeterName, value: number): void;
}

/** Seconds, except `…Bytes` (bytes) and `…Count` (items). */
export type MeterName =
  | 'walFsyncSeconds'
  | 'walWriteBytes'
  | 'backendCommitSeconds'
  | 'applySeconds'
  | 'entryProposalCount'
  | 'compactionPauseSeconds';

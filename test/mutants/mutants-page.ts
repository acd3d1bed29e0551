// The page docs/mutants.md, made of a run.
import { ABSENT, MUTANTS } from './catalogue.js';

/** What the runner says of one mutant. */
export interface Row {
  readonly id: string;
  readonly survived?: string;
  readonly property?: string;
  readonly scenario?: string;
  readonly seed?: number;
  readonly simulatedSeconds?: number;
  readonly wallSeconds: number;
}

export function mutantsPage(rows: readonly Row[]): string {
  return `${rows.length} ${MUTANTS.length} ${ABSENT.length}`;
}

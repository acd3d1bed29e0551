import type { StoreError } from '../store/index.js';
import type { Fate } from './call-fate.js';

/** A try of a call that failed, and what may have come of it. Never leaves the client. */
export class CallFailure extends Error {
  readonly failure: StoreError;
  readonly fate: Fate;

  constructor(failure: StoreError, fate: Fate) {
    super(failure.message);
    this.failure = failure;
    this.fate = fate;
  }
}

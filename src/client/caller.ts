import type { StoreError } from '../store/index.js';
import type { Fate } from './call-fate.js';

/** Told once what came of a call. */
export interface Caller {
  answered(response: Uint8Array): void;
  failed(failure: StoreError, fate: Fate): void;
}

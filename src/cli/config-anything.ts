import type { StandardSchema } from '../recipes/index.js';

/** Takes whatever the keys make: what is valid is known to the programs that use it, not here. */
export const ANYTHING: StandardSchema = {
  '~standard': { version: 1, vendor: 'tidelock', validate: (value) => ({ value }) },
};

import { callName } from './call-name.js';
import type { Operation } from './history.js';

/** A call for a person. */
export function operationName({ id, call, client, member }: Operation): string {
  return `operation ${id} (${callName(call)} by client ${client} at ${member})`;
}

import type { Operation } from './history.js';
import { keyText } from './key-text.js';

/** A call for a person. */
export function operationName({ id, call, client, member }: Operation): string {
  return `operation ${id} (${call.kind}${keyOf(call)} by client ${client} at ${member})`;
}

function keyOf(call: Operation['call']): string {
  switch (call.kind) {
    case 'put':
    case 'delete':
    case 'range':
      return ` ${JSON.stringify(keyText(call.request.key))}`;
    default:
      return '';
  }
}

import type { Call } from './history.js';
import { keyText } from './key-text.js';

/** What was called, for a person: the kind, and the key where there is one. */
export function callName(call: Call): string {
  switch (call.kind) {
    case 'put':
    case 'delete':
    case 'range':
      return `${call.kind} ${JSON.stringify(keyText(call.request.key))}`;
    default:
      return call.kind;
  }
}

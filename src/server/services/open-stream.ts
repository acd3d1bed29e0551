import type { Metadata } from '@grpc/grpc-js';
import { StoreError } from '../../store/index.js';
import { insistsOnLeader } from './call-gate.js';
import type { OpenStream } from './service-parts.js';

/**
 * A stream as those know it who may have to end it: when the member stops, and, if its client
 * insists on a leader, when there has been none for long. `fail` must do nothing after the end.
 */
export function openStream(
  call: { readonly metadata: Metadata },
  fail: (error: StoreError) => void,
): OpenStream {
  const stop = (): void => fail(new StoreError('Stopped'));
  if (!insistsOnLeader(call)) return { stop };
  return { stop, loseLeader: () => fail(new StoreError('NoLeader')) };
}

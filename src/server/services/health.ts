import { GRPC_STATUS } from '../../wire/errors.js';
import { HEALTH_METHODS } from '../../wire/health.js';
import type { ServiceParts } from './service-parts.js';
import { StatusError } from './status.js';
import { StreamCall } from './stream-call.js';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/**
 * gRPC's own health protocol, by which load balancers choose. Only the server as a whole, the empty
 * name, is known; it serves until it is about to stop.
 */
export function registerHealth(parts: ServiceParts): void {
  const { registrar, gate, draining } = parts;
  const status = () => (draining.aborted ? NOT_SERVING : SERVING);
  registrar.unary(HEALTH_METHODS.check, (message) => {
    const { service } = HEALTH_METHODS.check.requestDeserialize(message);
    if (service !== '') throw new StatusError(GRPC_STATUS.NOT_FOUND, 'unknown service');
    return HEALTH_METHODS.check.responseSerialize({ status: status() });
  });
  registrar.unary(HEALTH_METHODS.list, () => {
    return HEALTH_METHODS.list.responseSerialize({ statuses: { '': { status: status() } } });
  });
  const rpc = registrar.countersOf(HEALTH_METHODS.watch);
  registrar.serverStream(HEALTH_METHODS.watch, (call) => {
    const stream = new StreamCall(rpc, call);
    rpc.received(call.request.length);
    const refusal = gate.refusalOf(call);
    if (refusal !== undefined) {
      stream.fail(gate.statusOf(rpc, refusal));
      return;
    }
    const handle = { stop: (): void => stream.end() };
    parts.openStreams.add(handle);
    const tell = (): void => {
      stream.write(HEALTH_METHODS.watch.responseSerialize({ status: status() }));
    };
    stream.onEnded = () => {
      parts.openStreams.delete(handle);
      draining.removeEventListener('abort', tell);
    };
    try {
      const { service } = HEALTH_METHODS.watch.requestDeserialize(call.request);
      if (service === '') {
        tell();
        draining.addEventListener('abort', tell);
      } else {
        stream.write(HEALTH_METHODS.watch.responseSerialize({ status: SERVICE_UNKNOWN }));
      }
    } catch (error) {
      stream.fail(gate.statusOf(rpc, error));
    }
  });
}

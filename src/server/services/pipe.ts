import { PIPE_METHODS } from '../../wire/pipe.js';
import { PIPE_METHOD_PATHS } from '../../wire/pipe-method.js';
import { PipeStream } from './pipe-stream.js';
import type { ServiceParts } from './service-parts.js';
import { StreamCall } from './stream-call.js';

/**
 * The Pipe service: ties a gRPC call to a {@link PipeStream}. To be registered after the methods
 * that it carries. Unlike other streams it survives the loss of a leader, since each of its calls
 * says for itself whether it insists on one, and at the stop of the member it ends when its calls
 * have their answers.
 */
export function registerPipe(parts: ServiceParts): void {
  const { gate, registrar, openStreams } = parts;
  const rpc = registrar.countersOf(PIPE_METHODS.carry);
  const methods = new Map(
    PIPE_METHOD_PATHS.map(([number, path]) => [number, registrar.gateMethodOf(path)]),
  );
  registrar.bidi(PIPE_METHODS.carry, (call) => {
    const carrier = new StreamCall(rpc, call);
    const stream = new PipeStream({
      gate,
      methods,
      write: (message) => carrier.write(message),
      hold: (held) => {
        if (held) call.pause();
        else call.resume();
      },
      done: () => carrier.end(),
      soon: (flush) => process.nextTick(flush),
    });
    const handle = { stop: () => stream.stop() };
    openStreams.add(handle);
    carrier.onEnded = () => {
      openStreams.delete(handle);
      stream.end();
    };
    carrier.onRoom = () => stream.drained();
    call.on('data', (message: Uint8Array) => {
      if (carrier.ended) return;
      rpc.received(message.length);
      try {
        stream.receive(message);
      } catch (error) {
        carrier.fail(gate.statusOf(rpc, error));
      }
    });
    call.on('end', () => stream.finish());
  });
}

import { LIMITS } from '../../store/index.js';
import { WATCH_METHODS } from '../../wire/stream-methods.js';
import { openStream } from './open-stream.js';
import type { ServiceParts } from './service-parts.js';
import { StreamCall } from './stream-call.js';
import { WatchStream } from './watch-stream.js';

/**
 * The Watch service: ties a gRPC call to a {@link WatchStream}. A client that has no more requests
 * still gets its events, so the stream lasts until the client goes away or the member stops.
 */
export function registerWatch(parts: ServiceParts): void {
  const { gate, kernel, work } = parts;
  const rpc = parts.registrar.countersOf(WATCH_METHODS.watch);
  parts.registrar.bidi(WATCH_METHODS.watch, (call) => {
    const carrier = new StreamCall(rpc, call);
    const refusal = gate.refusalOf(call);
    if (refusal !== undefined) {
      carrier.fail(gate.statusOf(rpc, refusal));
      return;
    }
    const stream = new WatchStream({
      kernel,
      output: {
        write: (bytes) => carrier.write(bytes),
        hold: (held) => {
          work.slowWatchStreams += held ? 1 : -1;
          if (held) call.pause();
          else call.resume();
        },
      },
      progressMs: parts.watchProgressMs,
      fragmentBytes: parts.requestBytesMax + LIMITS.grpcOverheadBytes,
      counted: (change) => {
        work.watchers += change;
      },
      sent: (events) => {
        work.events += events;
      },
      soon: (pump) => void setImmediate(pump),
    });
    const handle = openStream(call, (error) => {
      // Of what was answered before the end, whoever watches hears before the end too.
      stream.flush();
      carrier.fail(gate.statusOf(rpc, error));
    });
    parts.openStreams.add(handle);
    work.watchStreams += 1;
    carrier.onEnded = () => {
      parts.openStreams.delete(handle);
      work.watchStreams -= 1;
      stream.close();
    };
    call.on('data', (message: Uint8Array) => {
      rpc.received(message.length);
      try {
        stream.receive(message);
      } catch (error) {
        carrier.fail(gate.statusOf(rpc, error));
      }
    });
    carrier.onRoom = () => stream.drained();
  });
}

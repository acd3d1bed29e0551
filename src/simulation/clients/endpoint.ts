import type { WatchRequest } from '../../store/index.js';
import type { Call } from '../check/history.js';
import type { SimMachine } from '../sim-machine.js';
import type { Reply } from './serve-call.js';
import type { WatchMessage } from './watch-session.js';

/** The way back to a client's end of a watch. */
export interface WatchLine {
  /** Names the connection; a client never uses a name twice. */
  readonly key: string;
  readonly windowMessages: number;
  /** Runs where the member is; it must send over the network. */
  readonly send: (message: WatchMessage) => void;
  /** The member has no such watch. */
  readonly reset: () => void;
}

/**
 * A member as clients reach it. Every method is to be called on the member's machine, when a
 * message arrives there; what it answers must be sent back over the network.
 */
export interface Endpoint {
  readonly name: string;
  readonly machine: SimMachine;
  /** @param reply - undefined: nobody listens at this address at the moment */
  call(call: Call, reply: (reply: Reply | undefined) => void): void;
  openWatch(request: WatchRequest, line: WatchLine): void;
  /** The client has read what came before `number`, and wants a sign of life if it asks for one. */
  touchWatch(line: WatchLine, number: number, wantsSign: boolean): void;
  closeWatch(key: string): void;
}

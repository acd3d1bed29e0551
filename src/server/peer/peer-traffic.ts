/**
 * What went to one peer and came from it, for metrics and for whoever looks. Counted by those who
 * do the work; read by anybody.
 */
export class PeerTraffic {
  sentFrames = 0;
  sentBytes = 0;
  /** Frames that found no room, or whose connection broke before they were passed on. */
  droppedFrames = 0;
  receivedFrames = 0;
  receivedBytes = 0;
  /** Times that a stream to the peer was accepted, */
  connects = 0;
  /** and that one which had been was lost. */
  disconnects = 0;
  /** Told how long an answer took, in seconds, each time that one was asked for. */
  roundTrip: (seconds: number) => void = () => {};
}

// Ends a script without a word once whoever reads its output has had enough, as `head` does; the
// `tidelock` command does the same. A script imports this for its effect. What a script must take
// away with it belongs into a listener of 'exit'.

/** A process of several ends with this, so that the one that started it can tell. */
export const READER_GONE = 141;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.send === undefined ? 0 : READER_GONE);
  });
}

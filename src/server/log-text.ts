/**
 * Turns the log's JSON lines into lines for people: time, level, what happened, and its facts.
 * Keeps no state; every line that comes in goes out as one line.
 */
export interface LineSink {
  write(line: string): unknown;
}

export function textLines(sink: LineSink): LineSink {
  return { write: (line) => sink.write(textLine(line)) };
}

function textLine(line: string): string {
  const { ts, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const facts = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const head = `${String(ts)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}`;
  return `${[head, ...facts].join(' ')}\n`;
}

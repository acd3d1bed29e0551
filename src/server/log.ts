import pino from 'pino';
import type { Severity, Trace, TraceFields } from '../ports/trace.js';
import type { LogConfig } from './config.js';
import { textLines } from './log-text.js';

/** A member's log: the Trace of the kernel and of the server in one. */
export interface Log extends Trace {
  /** Writes out what is buffered. */
  flush(): void;
}

/** etcd knows levels that we do not; each becomes the nearest. */
const LEVELS = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  dpanic: 'fatal',
  panic: 'fatal',
  fatal: 'fatal',
} as const;

/**
 * One line an event, to every output. Never writes values of keys: whoever traces sees to that.
 *
 * @example
 * const trace = createLog(parseServerConfig({ 'data-dir': './data' }, {}).log);
 * trace.event('info', 'application started', { port: 8080 });
 * trace.flush();
 */
export function createLog(config: LogConfig): Log {
  const destinations = config.outputs.map((place) => {
    const dest = place === 'stderr' ? 2 : place === 'stdout' ? 1 : place;
    return pino.destination({ dest, sync: true, append: true, mkdir: true });
  });
  const level = LEVELS[config.level];
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.multistream(
      destinations.map((stream) => {
        return { level, stream: config.format === 'text' ? textLines(stream) : stream };
      }),
    ),
  );
  return {
    event(severity: Severity, name: string, fields: TraceFields = {}): void {
      logger[severity](printable(fields), name);
    },
    flush(): void {
      for (const destination of destinations) destination.flushSync();
    },
  };
}

/** Ids are written as etcd writes them; JSON has no number for them anyway. */
function printable(fields: TraceFields): Record<string, string | number | boolean | undefined> {
  const out: Record<string, string | number | boolean | undefined> = {};
  for (const [key, value] of Object.entries(fields)) {
    out[key] = typeof value === 'bigint' ? value.toString(16) : value;
  }
  return out;
}

import { hostname } from 'node:os';

/** Who this process is, for those who look at holders and waiters: host and process id. */
export function identity(): string {
  return `${hostname()}:${process.pid}`;
}

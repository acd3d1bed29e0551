/**
 * A setting that makes no sense. The message is one line: the flag (or environment variable), the
 * value, and what would be right. It ends the program before anything is opened.
 *
 * @example
 * try {
 *   parseServerConfig({ 'heartbeat-interval': 'soon' }, {});
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   log.warn(error.message);
 * }
 */
export class ConfigError extends Error {
  constructor(source: string, value: string, advice: string) {
    super(`${source}: ${JSON.stringify(value)} ${advice}`);
    this.name = 'ConfigError';
  }
}

import { ConfigError } from './config-error.js';

/** One place to listen at. */
export interface ListenUrl {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * Reads an address as etcd takes it: a scheme, a host and a port, nothing after. The address is
 * kept as it was written wherever it goes into an id or the member list.
 */
export function parseUrl(source: string, text: string): ListenUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '') {
    throw new ConfigError(source, text, 'is not an address such as http://127.0.0.1:2379');
  }
  if (url.protocol === 'https:' || url.protocol === 'unixs:') {
    throw new ConfigError(source, text, 'asks for TLS, which comes with a later release; use http');
  }
  if (url.protocol !== 'http:') {
    throw new ConfigError(source, text, 'has another scheme than http');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || text.endsWith('/')) {
    throw new ConfigError(source, text, 'must end after the port');
  }
  // URL drops a port that is the scheme's default, so the text decides whether there was one.
  const port = /:(\d+)$/.exec(text)?.[1];
  if (port === undefined) {
    throw new ConfigError(source, text, 'has no port; write one, as in http://127.0.0.1:2379');
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** Whether only programs on this machine can connect there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Whether the host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function formatUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

import { StoreError } from '../store/index.js';

/** Where a server listens. */
export interface Endpoint {
  /** As the caller wrote it, for messages. */
  readonly url: string;
  /** Host and port, as gRPC resolves them. */
  readonly target: string;
  readonly secure: boolean;
}

const DEFAULT_PORT = '2379';

/**
 * Reads one or more endpoints: `http://host:port` or `https://host:port`, in an array or separated
 * by commas. Without a scheme plain text is meant, without a port 2379.
 * @throws StoreError `InvalidArgument` that names what is wrong with which
 */
export function parseEndpoints(endpoints: string | readonly string[]): readonly Endpoint[] {
  const texts = (typeof endpoints === 'string' ? [endpoints] : endpoints)
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (texts.length === 0) {
    throw new StoreError('InvalidArgument', 'no endpoint given; for example http://127.0.0.1:2379');
  }
  return texts.map(parseEndpoint);
}

function parseEndpoint(text: string): Endpoint {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  const wrong = url === null ? 'it is no URL' : faultOf(url);
  if (url === null || wrong !== undefined) {
    const example = 'for example http://127.0.0.1:2379';
    throw new StoreError('InvalidArgument', `endpoint "${text}": ${wrong}; ${example}`);
  }
  const secure = url.protocol === 'https:';
  const port = url.port !== '' ? url.port : portWritten(text, secure);
  return { url: text, target: `dns:${url.hostname}:${port}`, secure };
}

/** URL drops the port that is its scheme's default, although ours is another. */
function portWritten(text: string, secure: boolean): string {
  const schemePort = secure ? '443' : '80';
  return new RegExp(`:0*${schemePort}/?$`).test(text) ? schemePort : DEFAULT_PORT;
}

function faultOf(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `the scheme ${url.protocol}// is neither http:// nor https://`;
  }
  if (url.hostname === '') return 'it names no host';
  if (url.username !== '' || url.password !== '') return 'it carries a user or password';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return 'it has more than a host and a port';
  }
  return undefined;
}

import { StoreError } from '../../store/index.js';
import { ConfigError } from '../config/config-error.js';
import { parseUrl } from '../config/listen-url.js';

/**
 * The addresses of a member as a request has them, kept as they were written. etcd takes those of
 * TLS and of local sockets too; a member that nobody here could reach is refused like any other
 * address that is none. Unlike etcd, which fails later, an update is looked at as an addition is.
 * @throws StoreError `BadMemberUrls`
 */
export function readPeerUrls(texts: readonly string[]): readonly string[] {
  const urls = texts.map((text) => text.trim());
  if (urls.length === 0) throw new StoreError('BadMemberUrls');
  for (const url of urls) {
    try {
      parseUrl('peerURLs', url);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new StoreError('BadMemberUrls', undefined, { cause: error });
    }
  }
  return urls;
}

import type { ResponseHeader } from '../store/index.js';
import { EMPTY_HEADER, readHeader, writeHeader } from './header.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * Answers that carry a header and nothing else: those of Compact and LeaseRevoke. Fields that a
 * newer server may add are skipped.
 */

const writer = new WireWriter();

export function encodeHeaderOnly(result: { readonly header: ResponseHeader }): Buffer {
  writer.reset();
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

/** @throws WireError */
export function decodeHeaderOnly(bytes: Uint8Array): { readonly header: ResponseHeader } {
  const reader = new WireReader(bytes);
  let header = EMPTY_HEADER;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else reader.skip();
  }
  return { header };
}

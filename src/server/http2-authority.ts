/**
 * Takes the scheme out of a request's `:authority`. Some clients, grpc-go as of etcdctl 3.4 among
 * them, send the URL that they dialled there, which etcd accepts and Node's HTTP/2 refuses before
 * anybody can see the call. It reads just as much of a header block as it takes to find that field,
 * and leaves alone whatever it does not understand: what is wrong is for the session to say.
 */

const HEAD_BYTES = 9;
const FLAG_PADDED = 0x8;
const FLAG_PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** Where `:authority` stands in the static table of HPACK. */
const AUTHORITY_INDEX = 1;
/** Continuation bytes of an integer that are believed: lengths here are below 2 ** 14. */
const INTEGER_BYTES_MAX = 3;

/**
 * What stands there instead, as a length and plain characters. Nobody reads it, so it need not name
 * the host; but it must be shorter than any authority with a scheme. Then the client's table of
 * recent fields, which counts bytes, never holds a field that ours has dropped, and as fields are
 * numbered from the newest, both go on to mean the same by a number.
 */
const REPLACEMENT = Buffer.from('\u0006member', 'latin1');

interface Prefix {
  readonly bytes: Buffer;
  /** The bits that count in the byte after these, and what they must be. */
  readonly mask: number;
  readonly rest: number;
}

/** How an authority with a scheme begins, in plain characters, */
const PLAIN: readonly Prefix[] = ['http://', 'https://'].map((scheme) => {
  return { bytes: Buffer.from(scheme, 'latin1'), mask: 0, rest: 0 };
});
/** and the same two in HPACK's Huffman code: 41 bits and 46. */
const CODED: readonly Prefix[] = [
  { bytes: Buffer.from('9d29aee30c', 'hex'), mask: 0x80, rest: 0 },
  { bytes: Buffer.from('9d29ad1718', 'hex'), mask: 0xfc, rest: 0x60 },
];

/**
 * @param frame one whole HEADERS frame
 * @returns the same frame, or a copy with another `:authority` if that began with a scheme
 */
export function withoutSchemeInAuthority(frame: Buffer): Buffer {
  const found = findAuthority(frame);
  if (found === undefined || !beginsWithScheme(frame, found)) return frame;
  const changed = Buffer.concat([
    frame.subarray(0, found.at),
    REPLACEMENT,
    frame.subarray(found.end),
  ]);
  changed.writeUIntBE(changed.length - HEAD_BYTES, 0, 3);
  return changed;
}

/** A string with its length before it: from `at` to `end`, its characters from `start`. */
interface Field {
  readonly at: number;
  readonly start: number;
  readonly end: number;
  readonly coded: boolean;
}

function beginsWithScheme(frame: Buffer, { start, end, coded }: Field): boolean {
  const value = frame.subarray(start, end);
  return (coded ? CODED : PLAIN).some(({ bytes, mask, rest }) => {
    if (!value.subarray(0, bytes.length).equals(bytes)) return false;
    const next = value[bytes.length];
    return mask === 0 || (next !== undefined && (next & mask) === rest);
  });
}

/** The value of the first `:authority` in the frame, if it is spelled out there. */
function findAuthority(frame: Buffer): Field | undefined {
  const flags = frame[4] ?? 0;
  let at = HEAD_BYTES;
  let end = frame.length;
  if ((flags & FLAG_PADDED) !== 0) {
    end -= frame[at] ?? 0;
    at += 1;
  }
  if ((flags & FLAG_PRIORITY) !== 0) at += PRIORITY_BYTES;
  const block = frame.subarray(0, Math.max(at, end));
  while (at < block.length) {
    const first = block[at] ?? 0;
    const name = readInteger(block, at, indexBits(first));
    if (name === undefined) return undefined;
    at = name.next;
    // A field from the tables, or a new size for them: neither has a value here.
    if (first >= 0x80 || (first & 0xe0) === 0x20) continue;
    if (name.value === 0) {
      const spelled = readString(block, at);
      if (spelled === undefined) return undefined;
      at = spelled.end;
    }
    const value = readString(block, at);
    if (value === undefined) return undefined;
    if (name.value === AUTHORITY_INDEX) return value;
    at = value.end;
  }
  return undefined;
}

/** How many bits of a field's first byte belong to its index. */
function indexBits(first: number): number {
  if (first >= 0x80) return 7;
  if (first >= 0x40) return 6;
  return first >= 0x20 ? 5 : 4;
}

function readInteger(
  block: Buffer,
  at: number,
  bits: number,
): { readonly value: number; readonly next: number } | undefined {
  const most = 2 ** bits - 1;
  let value = (block[at] ?? 0) & most;
  if (value < most) return { value, next: at + 1 };
  for (let count = 0; count < INTEGER_BYTES_MAX; count += 1) {
    const byte = block[at + 1 + count];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) << (7 * count);
    if (byte < 0x80) return { value, next: at + 2 + count };
  }
  return undefined;
}

function readString(block: Buffer, at: number): Field | undefined {
  const head = block[at];
  const length = readInteger(block, at, 7);
  if (head === undefined || length === undefined) return undefined;
  const end = length.next + length.value;
  return end > block.length ? undefined : { at, start: length.next, end, coded: head >= 0x80 };
}

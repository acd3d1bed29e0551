/**
 * Chance, as the pure rooms may know it. In a simulation every number follows from one seed, so a
 * consumer that wants a stream of its own takes one by name: numbers drawn elsewhere cannot shift
 * it.
 */
export interface Random {
  /** An integer in [0, bound). `bound` is between 1 and 2^31. */
  below(bound: number): number;
  /** A positive 63-bit integer, as etcd uses for lease ids. Never zero. */
  int63(): bigint;
  /** `byteCount` random bytes as lower-case hexadecimal, two characters a byte. */
  hex(byteCount: number): string;
  /** An independent stream that depends only on this stream's seed and on `name`. */
  split(name: string): Random;
}

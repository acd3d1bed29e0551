/**
 * A way to keep bytes from those who may not read them. Whoever implements it chooses the method
 * and holds the key; the rooms that use it know neither.
 */
export interface Cipher {
  /** The bytes in a form that only `open` can read; two calls need not give the same. */
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  /** The bytes that were sealed. Rejects for anything else, also for sealed bytes that changed. */
  open(sealed: Uint8Array): Promise<Uint8Array>;
}

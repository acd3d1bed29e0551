import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Cipher } from '../ports/cipher.js';

const METHOD = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256 in Galois/Counter Mode with a fresh random nonce for each sealing: nonce, tag, text. It
 * finds any change to what was sealed. The key is the caller's to keep; with random nonces of 12
 * bytes one key is good for some billions of sealings.
 *
 * @throws RangeError when the key has not 32 bytes
 *
 * @example
 * const cipher = aesGcmCipher(await readFile('/run/secrets/config-key'));
 */
export function aesGcmCipher(key: Uint8Array): Cipher {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`the key has ${key.length} bytes, and must have ${KEY_BYTES}`);
  }
  return {
    seal: async (bytes) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(METHOD, key, nonce);
      const text = Buffer.concat([cipher.update(bytes), cipher.final()]);
      return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), text]));
    },
    open: async (sealed) => {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(METHOD, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = sealed.subarray(NONCE_BYTES + TAG_BYTES);
      return new Uint8Array(Buffer.concat([decipher.update(text), decipher.final()]));
    },
  };
}

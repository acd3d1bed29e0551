import { holdProcess } from '../host/hold-process.js';

/** Waits for `promise` and keeps the process alive meanwhile. */
export async function stayAlive<T>(promise: Promise<T>): Promise<T> {
  const release = holdProcess();
  try {
    return await promise;
  } finally {
    release();
  }
}

import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { toBytes } from '../../src/store/index.js';
import { KV_METHODS } from '../../src/wire/kv-methods.js';
import { decodeRangeResponse, encodeRangeRequest } from '../../src/wire/range.js';
import type { ServerProcess } from './server-process.js';

/**
 * Waits for the first linearizable read that a starting server answers. It looks for the port often
 * and opens the gRPC channel only when something listens there, so that no back-off of a client is
 * measured in place of the server.
 */

const POLL_MS = 2;
const WITHIN_MS = 300_000;

/**
 * Resolves when the server has answered with the value of `key`.
 * @throws Error when the process ends, when it takes too long or when the key is not there
 */
export async function firstRead(server: ServerProcess, key: string): Promise<void> {
  const untilMs = performance.now() + WITHIN_MS;
  for (;;) {
    server.mustRun();
    if (performance.now() > untilMs) throw new Error('the server does not answer');
    const answer = (await listens(server.port)) ? await tryRead(server.port, key) : undefined;
    if (answer === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    if (decodeRangeResponse(answer).kvs.length !== 1) throw new Error(`${key} was not there`);
    return;
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connectTcp(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    // A socket that is given the very port which it looks for is connected to itself.
    return socket.localPort !== port;
  } catch {
    // Refused: nothing listens there yet.
    return false;
  } finally {
    socket.destroy();
  }
}

/** Undefined when the server could not be reached after all. */
async function tryRead(port: number, key: string): Promise<Uint8Array | undefined> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await read(client, key);
  } catch (error) {
    if ((error as Partial<ServiceError>).code === status.UNAVAILABLE) return undefined;
    throw error;
  } finally {
    client.close();
  }
}

function read(client: Client, key: string): Promise<Uint8Array> {
  const request = Buffer.from(encodeRangeRequest({ key: toBytes(key) }));
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client
      .makeUnaryRequest(
        KV_METHODS.range.path,
        same,
        same,
        request,
        { deadline: Date.now() + WITHIN_MS },
        (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(error ?? new Error('no answer'));
        },
      )
      .on('error', reject);
  });
}

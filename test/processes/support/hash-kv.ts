/** What a member says of everything that it holds, in one number: Maintenance.HashKV. */
import { Client, credentials } from '@grpc/grpc-js';
import { MAINTENANCE_METHODS } from '../../../src/wire/maintenance.js';

const WITHIN_MS = 20_000;
const { path, requestSerialize, responseDeserialize } = MAINTENANCE_METHODS.hashKv;

/** The hash of all revisions up to `revision`, and which these are. */
export async function hashKv(endpoint: string, revision: number): Promise<string> {
  const client = new Client(new URL(endpoint).host, credentials.createInsecure());
  try {
    return await new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { revision: BigInt(revision) },
        { deadline: Date.now() + WITHIN_MS },
        (error, answer) => {
          if (answer === undefined) reject(error ?? new Error('neither an answer nor an error'));
          else resolve(`${answer.hash} from ${answer.compactRevision} to ${answer.hashRevision}`);
        },
      );
    });
  } finally {
    client.close();
  }
}

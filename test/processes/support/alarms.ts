/** The alarms of a cluster, asked for and cleared as an operator does: Maintenance.Alarm. */
import { Client, credentials } from '@grpc/grpc-js';
import { AlarmRequest_AlarmAction as Action } from '../../../src/wire/gen/etcdserverpb/maintenance_pb.js';
import { MAINTENANCE_METHODS } from '../../../src/wire/maintenance.js';

const WITHIN_MS = 20_000;
const { path, requestSerialize, responseDeserialize } = MAINTENANCE_METHODS.alarm;

type Request = Parameters<typeof requestSerialize>[0];
type Answer = ReturnType<typeof responseDeserialize>;

/** Clears every alarm that is raised. @returns how many there were */
export async function clearAlarms(endpoint: string): Promise<number> {
  const client = new Client(new URL(endpoint).host, credentials.createInsecure());
  const call = (request: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + WITHIN_MS };
      const done = (error: Error | null, answer?: Answer): void => {
        if (answer === undefined) reject(error ?? new Error('neither an answer nor an error'));
        else resolve(answer);
      };
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, done);
    });
  try {
    const { alarms } = await call({ action: Action.GET });
    for (const { memberID, alarm } of alarms) {
      await call({ action: Action.DEACTIVATE, memberID, alarm });
    }
    return alarms.length;
  } finally {
    client.close();
  }
}

import { Election } from './gen/v3electionpb/election_pb.js';
import { Lock } from './gen/v3lockpb/lock_pb.js';
import { messageMethod } from './message-method.js';

/** The rpcs of the recipes that run on the server: locks. */
export const LOCK_METHODS = {
  lock: messageMethod(Lock.method.lock),
  unlock: messageMethod(Lock.method.unlock),
} as const;

/** The rpcs of the recipes that run on the server: elections. */
export const ELECTION_METHODS = {
  campaign: messageMethod(Election.method.campaign),
  proclaim: messageMethod(Election.method.proclaim),
  leader: messageMethod(Election.method.leader),
  observe: messageMethod(Election.method.observe),
  resign: messageMethod(Election.method.resign),
} as const;

import type {
  DeleteRequest,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnOperationResult,
  TxnRequest,
} from '../../store/index.js';
import type { Call } from './history.js';

/** What requests and answers say by themselves, without any state. */

/** Every step that a transaction might take, in both branches and inside others. */
export function everyStep(request: TxnRequest, visit: (step: TxnOperation) => void): void {
  for (const branch of [request.success ?? [], request.failure ?? []]) {
    for (const step of branch) {
      visit(step);
      if (step.kind === 'txn') everyStep(step, visit);
    }
  }
}

/** What a call might put. */
export function putsOf(call: Call): readonly PutRequest[] {
  if (call.kind === 'put') return [call.request];
  const puts: PutRequest[] = [];
  if (call.kind === 'txn') {
    everyStep(call.request, (step) => {
      if (step.kind === 'put') puts.push(step);
    });
  }
  return puts;
}

/** What a call might delete, by key. */
export function deletesOf(call: Call): readonly DeleteRequest[] {
  if (call.kind === 'delete') return [call.request];
  const deletes: DeleteRequest[] = [];
  if (call.kind === 'txn') {
    everyStep(call.request, (step) => {
      if (step.kind === 'delete') deletes.push(step);
    });
  }
  return deletes;
}

/** What a call might read at a revision of its own. */
export function rangesOf(call: Call): readonly RangeRequest[] {
  if (call.kind === 'range') return [call.request];
  const ranges: RangeRequest[] = [];
  if (call.kind === 'txn') {
    everyStep(call.request, (step) => {
      if (step.kind === 'range') ranges.push(step);
    });
  }
  return ranges;
}

/** Whether a member may answer from its own state. */
export function isSerializable(call: Call): boolean {
  if (call.kind === 'range') return call.request.serializable === true;
  return call.kind === 'txn' && isRelaxed(call.request);
}

function isRelaxed(request: TxnRequest): boolean {
  const relaxed = (step: TxnOperation): boolean => {
    if (step.kind === 'range') return step.serializable === true;
    return step.kind === 'txn' && isRelaxed(step);
  };
  return (request.success ?? []).every(relaxed) && (request.failure ?? []).every(relaxed);
}

/** Whether an answered transaction changed anything. */
export function hasEffect(responses: readonly TxnOperationResult[]): boolean {
  return responses.some((response) => {
    if (response.kind === 'put') return true;
    if (response.kind === 'delete') return response.deleted > 0;
    return response.kind === 'txn' && hasEffect(response.responses);
  });
}

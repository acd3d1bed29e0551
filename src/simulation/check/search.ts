/** An operation with its outcome in it, and the time in which it took effect. */
export interface SearchOperation<I> {
  readonly input: I;
  readonly invokedMs: number;
  /** Infinity: it may have taken effect at any time from then on, or never. */
  readonly returnedMs: number;
}

/** What the operations do, one at a time. */
export interface SearchModel<S, I> {
  readonly initial: S;
  /** The states after the operation with the outcome that it had; none if it cannot have had it. */
  step(state: S, input: I): readonly S[];
  /** Text that is the same for the same state only. */
  key(state: S): string;
}

/** Whether there is an order that explains everything; `undecided` when the steps ran out. */
export type Verdict = 'explained' | 'impossible' | 'undecided';

/** A choice that was made, and those that are left. */
interface Frame<S> {
  readonly choices: readonly (readonly [number, S])[];
  tried: number;
  /** The operation that led here; -1 for the beginning. */
  readonly done: number;
  readonly first: number;
}

/**
 * Looks for an order of the operations that keeps real time and explains every outcome, depth
 * first, and remembers which sets of operations in which state lead nowhere. Exponential in how
 * many overlap, so it is for small histories and for what has no revision to be ordered by.
 */
export function search<S, I>(
  operations: readonly SearchOperation<I>[],
  model: SearchModel<S, I>,
  stepsMax: number,
): Verdict {
  const sorted = operations.toSorted((a, b) => a.invokedMs - b.invokedMs);
  const done = new Uint8Array(sorted.length);
  const dead = new Set<string>();
  let left = sorted.filter(({ returnedMs }) => returnedMs !== Number.POSITIVE_INFINITY).length;
  let steps = 0;
  const choicesAt = (state: S, first: number): (readonly [number, S])[] => {
    const choices: (readonly [number, S])[] = [];
    let endMs = Number.POSITIVE_INFINITY;
    for (let at = first; at < sorted.length; at++) {
      const { input, invokedMs, returnedMs } = sorted[at] as SearchOperation<I>;
      if (invokedMs > endMs) break;
      if (done[at] === 1) continue;
      endMs = Math.min(endMs, returnedMs);
      steps++;
      for (const next of model.step(state, input)) choices.push([at, next]);
    }
    return choices;
  };
  const stack: Frame<S>[] = [
    { choices: choicesAt(model.initial, 0), tried: 0, done: -1, first: 0 },
  ];
  while (left > 0) {
    if (steps > stepsMax) return 'undecided';
    const frame = stack.at(-1);
    if (frame === undefined) return 'impossible';
    const choice = frame.choices[frame.tried++];
    if (choice === undefined) {
      stack.pop();
      if (frame.done >= 0) {
        done[frame.done] = 0;
        if (isRequired(sorted[frame.done])) left++;
      }
      continue;
    }
    const [at, state] = choice;
    done[at] = 1;
    let { first } = frame;
    while (done[first] === 1) first++;
    const place = `${placeOf(done, first, stack.length)}|${model.key(state)}`;
    if (dead.has(place)) {
      done[at] = 0;
      continue;
    }
    dead.add(place);
    if (isRequired(sorted[at])) left--;
    stack.push({ choices: left > 0 ? choicesAt(state, first) : [], tried: 0, done: at, first });
  }
  return 'explained';
}

function isRequired(operation: SearchOperation<unknown> | undefined): boolean {
  return operation?.returnedMs !== Number.POSITIVE_INFINITY;
}

/**
 * Which operations are done: all before the first that is not, and the rest by name.
 * @param count how many are done
 */
function placeOf(done: Uint8Array, first: number, count: number): string {
  let text = String(first);
  let left = count - first;
  for (let at = first; left > 0; at++) {
    if (done[at] !== 1) continue;
    text += `,${at}`;
    left--;
  }
  return text;
}

import { decodeTree, type RawConfig } from './config-decode.js';
import type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';

/** What makes a value of keys, and what it must satisfy. */
export interface JudgeOptions<T> {
  /** Makes of keys and values what the schema is given; default: {@link decodeTree}. */
  readonly decode?: (raw: RawConfig) => unknown;
  /** What is wrong with a value that the schema let pass, such as two settings that contradict. */
  readonly check?: (value: T) => readonly string[] | Promise<readonly string[]>;
}

/** The outcome of judging: a value, or what is wrong. */
export type Verdict<T> =
  | { readonly kind: 'accept'; readonly value: T }
  | { readonly kind: 'refuse'; readonly issues: readonly StandardIssue[] };

/**
 * The verdict of decoder, schema and check on keys and values, at once when all of them are
 * synchronous. It never throws and never rejects: what throws while it judges, refuses.
 */
export function judge<T>(
  raw: RawConfig,
  schema: StandardSchema<T>,
  options: JudgeOptions<T>,
): Verdict<T> | Promise<Verdict<T>> {
  try {
    const decode = options.decode ?? decodeTree;
    const result = schema['~standard'].validate(decode(raw));
    if (!(result instanceof Promise)) return check(result, options);
    return result.then((late) => check(late, options)).catch(refuse);
  } catch (error) {
    return refuse(error);
  }
}

function check<T>(
  result: StandardResult<T>,
  options: JudgeOptions<T>,
): Verdict<T> | Promise<Verdict<T>> {
  if (result.issues !== undefined) return { kind: 'refuse', issues: result.issues };
  const { value } = result;
  const complaints = options.check?.(value) ?? [];
  const conclude = (messages: readonly string[]): Verdict<T> =>
    messages.length === 0
      ? { kind: 'accept', value }
      : { kind: 'refuse', issues: messages.map((message) => ({ message })) };
  if (!(complaints instanceof Promise)) return conclude(complaints);
  return complaints.then(conclude).catch(refuse);
}

function refuse(error: unknown): { readonly kind: 'refuse'; readonly issues: StandardIssue[] } {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'refuse', issues: [{ message }] };
}

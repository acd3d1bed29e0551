/** `<name>/account/<number>`: what one account has. */
export const ACCOUNT = /^(.+)\/account\/[^/]+$/s;
/** `<name>/duty/<pair>/<who>`: whether one of a pair is on duty. */
export const DUTY = /^(.+\/duty\/[^/]+)\/[^/]+$/s;
/** What a transaction writes says how much there is and who wrote it. */
const VALUE = /^(-?\d+) by (\S+)$/;

/** A number and the name of the transaction that wrote it. */
export interface Signed {
  readonly amount: number;
  readonly by: string;
}

export function encodeSigned({ amount, by }: Signed): string {
  return `${amount} by ${by}`;
}

/** Undefined for what no transaction wrote. */
export function decodeSigned(text: string): Signed | undefined {
  const [, amount, by] = VALUE.exec(text) ?? [];
  return by === undefined ? undefined : { amount: Number(amount), by };
}

import { CoordinationError } from '../errors.js';
import { checkFence } from './fence-gate.js';

/**
 * The gate of a resource that is rows of an SQL table: the largest fence is kept in a column of the
 * row itself, and one statement compares it and writes it. This makes texts and parameters and
 * talks to no database; values never become part of a text, and names only when they are plain.
 */

/** Whose way of writing names and parameters is used. */
export type FenceSqlDialect = 'postgres' | 'mysql' | 'sqlite';

/** A value that a driver takes as a parameter. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

/** Which rows to update, and how. */
export interface FencedUpdateTerms {
  readonly dialect: FenceSqlDialect;
  /** The table, with its schema if need be: `accounts`, `bank.accounts`. */
  readonly table: string;
  /** The new values, by column; at least one. */
  readonly set: { readonly [column: string]: SqlValue };
  /** What the columns of the row must be; at least one. */
  readonly where: { readonly [column: string]: SqlValue };
  /** The column that has the fence; default `fence`. It must not be null in any row. */
  readonly fenceColumn?: string;
}

/** A statement and its parameters, for a driver. */
export interface FencedUpdate {
  readonly text: string;
  readonly params: readonly SqlValue[];
}

const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/**
 * An update that takes effect only if no larger fence has written the row. When it reports no row,
 * the fence is too old, or there is no such row. (MySQL counts only rows that it changed unless the
 * driver asks for found rows, `CLIENT_FOUND_ROWS`: with the same values and the same fence it
 * reports none.)
 * @throws CoordinationError `InvalidArgument`
 *
 * @example
 * const { text, params } = fencedUpdate(
 *   { dialect: 'postgres', table: 'accounts', set: { balance: 7 }, where: { id: 'a' } },
 *   held.fence,
 * );
 * // UPDATE "accounts" SET "balance" = $1, "fence" = $2 WHERE "id" = $3 AND "fence" <= $4
 */
export function fencedUpdate(terms: FencedUpdateTerms, fence: number): FencedUpdate {
  const { dialect, table, set, where, fenceColumn = 'fence' } = terms;
  checkFence(fence);
  const params: SqlValue[] = [];
  const parameter = (value: SqlValue): string => {
    params.push(value);
    return dialect === 'postgres' ? `$${params.length}` : '?';
  };
  const column = (name: string): string => quote(dialect, 'column', name);
  const assign = ([name, value]: [string, SqlValue]): string =>
    `${column(name)} = ${parameter(value)}`;
  const match = ([name, value]: [string, SqlValue]): string =>
    value === null ? `${column(name)} IS NULL` : assign([name, value]);
  const assigned = Object.entries(set);
  const matched = Object.entries(where);
  if (assigned.length === 0) throw refuse('sets no column');
  if (matched.length === 0) throw refuse('would update every row: it has no "where"');
  if (fenceColumn in set) throw refuse(`sets the column ${fenceColumn} of the fence itself`);
  const target = table
    .split('.')
    .map((name) => quote(dialect, 'table', name))
    .join('.');
  const changes = [...assigned, [fenceColumn, fence] as [string, SqlValue]].map(assign).join(', ');
  const conditions = matched.map(match).join(' AND ');
  const gate = `${column(fenceColumn)} <= ${parameter(fence)}`;
  return { text: `UPDATE ${target} SET ${changes} WHERE ${conditions} AND ${gate}`, params };
}

function quote(dialect: FenceSqlDialect, what: string, name: string): string {
  if (!NAME_PATTERN.test(name)) throw refuse(`has the ${what} name ${JSON.stringify(name)}`);
  return dialect === 'mysql' ? `\`${name}\`` : `"${name}"`;
}

function refuse(why: string): CoordinationError {
  return new CoordinationError('InvalidArgument', `a fenced update ${why}`);
}

/**
 * The names behind the package's doors, found in their sources: of each, where it is declared, as
 * what, and the comment that stands before it. Knows the few ways in which this house exports, and
 * throws when it meets another.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../house/repository.js';

export interface PublicName {
  readonly name: string;
  /** The door as it is imported: `tidelock/recipes`. */
  readonly door: string;
  /** Path of the source file from the root. */
  readonly file: string;
  /** What it is declared as; a name can be a type and a value at once. */
  readonly kinds: ReadonlySet<string>;
  /** The comments before its declarations, joined. */
  readonly comment: string;
}

const LIST = /^export (type )?\{([^}]*)\} from '([^']+)';/gm;
const ALL_TYPES = /^export type \* from '([^']+)';/gm;
const OWN = /^export (?:abstract |async )*(class|function|const|interface|type) (\w+)/gm;

/** Every exported name of every door, types included, in the order of the exports map. */
export function publicNames(): readonly PublicName[] {
  const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { exports } = JSON.parse(manifest) as { exports: Record<string, { default?: string }> };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (target.default === undefined) return [];
    const file = target.default.replace('./build/', '').replace(/\.js$/, '.ts');
    const door = path.replace('.', 'tidelock');
    return namesOf(file).map((name) => ({ door, ...declarationOf(name, file) }));
  });
}

/** The names that a source file exports, itself or from another. */
function namesOf(file: string): readonly string[] {
  const text = read(file);
  const listed = [...text.matchAll(LIST)].flatMap(([, , list = '']) => wordsOf(list));
  const all = [...text.matchAll(ALL_TYPES)].flatMap(([, from = '']) => namesOf(near(file, from)));
  const own = [...text.matchAll(OWN)].map(([, , name = '']) => name);
  return [...new Set([...listed, ...all, ...own])];
}

function declarationOf(name: string, file: string): Omit<PublicName, 'door'> {
  const text = read(file);
  const found = [...text.matchAll(OWN)].filter(([, , own]) => own === name);
  if (found.length > 0) {
    const kinds = new Set(found.map(([, kind = '']) => kind));
    const comment = found.map(({ index }) => commentBefore(text, index)).join('\n');
    return { name, file, kinds, comment };
  }
  for (const [, , list = '', from = ''] of text.matchAll(LIST)) {
    if (wordsOf(list).includes(name)) return declarationOf(name, near(file, from));
  }
  for (const [, from = ''] of text.matchAll(ALL_TYPES)) {
    if (namesOf(near(file, from)).includes(name)) return declarationOf(name, near(file, from));
  }
  throw new Error(`${file} exports ${name}, and its declaration was not found`);
}

function wordsOf(list: string): readonly string[] {
  const words = list.split(',').map((part) => part.trim().replace(/^type /, ''));
  const renamed = words.find((word) => /\s/.test(word));
  if (renamed !== undefined) throw new Error(`"${renamed}" is exported in a way unknown here`);
  return words.filter((word) => word !== '');
}

function commentBefore(text: string, index: number): string {
  const before = text.slice(0, index).trimEnd();
  return before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
}

function near(file: string, specifier: string): string {
  return join(dirname(file), specifier.replace(/\.js$/, '.ts'));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

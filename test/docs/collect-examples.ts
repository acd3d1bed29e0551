/**
 * Every example that the documents and the doc comments show: the `ts` blocks of README and of the
 * pages that show code, and each `@example` below src. Judges nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';

export interface Example {
  /** Where a person finds it: `docs/recipes/lock.md:6`. */
  readonly at: string;
  /** Path of the page or source file from the root. */
  readonly page: string;
  /** Line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

const BLOCK = /^```ts\n([\s\S]*?)^```$/gm;
const COMMENT = /\/\*\*[\s\S]*?\*\//g;
const TAG = /^\s*\* ?@(?:throws|param|returns|see|deprecated)\b/;

export function collectExamples(): readonly Example[] {
  const recipes = readdirSync(join(ROOT, 'docs', 'recipes')).map((name) => `docs/recipes/${name}`);
  const pages = ['README.md', 'docs/inversify.md', 'docs/simulation.md', ...recipes.toSorted()];
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.ts') && !name.startsWith('src/wire/gen/'));
  return [...pages.flatMap(blocksOf), ...sources.toSorted().flatMap(tagsOf)];
}

function blocksOf(page: string): readonly Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(BLOCK)].map(({ index, 1: code = '' }) =>
    example(page, lineAt(text, index) + 1, code),
  );
}

function tagsOf(page: string): readonly Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(COMMENT)].flatMap(({ index, 0: comment }) => {
    const lines = comment.split('\n');
    return lines.flatMap((line, start) => {
      if (!/^\s*\* @example\b/.test(line)) return [];
      const rest = lines.slice(start + 1, -1);
      const end = rest.findIndex((other) => TAG.test(other) || /^\s*\* @example\b/.test(other));
      const code = rest.slice(0, end < 0 ? undefined : end);
      const bare = code.map((other) => other.replace(/^\s*\* ?/, '')).join('\n');
      return [example(page, lineAt(text, index) + start + 1, bare)];
    });
  });
}

function example(page: string, line: number, code: string): Example {
  return { at: `${page}:${line}`, page, line, code: code.trimEnd() };
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

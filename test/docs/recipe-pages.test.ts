// Proves that each page of docs/recipes has what a reader looks for: what is guaranteed and what is
// not, where the keys are, what it costs, what happens when things fail, and what etcd's clients do
// about the same; and that every key of a layout is in its page.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_LAYOUTS } from '../../src/recipes/index.js';
import * as door from '../../src/recipes/inversify.js';
import { ROOT } from '../house/repository.js';

const FOLDER = join(ROOT, 'docs', 'recipes');
const LEAST_PAGES = 24;

/** What must be among the headings, by the words that it may have. */
const PARTS: readonly (readonly [what: string, heading: RegExp])[] = [
  ['what it guarantees', /^## What it guarantees/m],
  ['what it does not', /^## What it (does not guarantee|guarantees, and what not)/m],
  ['its keys', /^## .*\bkeys\b/im],
  ['its cost', /^## .*\bcost\b/im],
  ['its failures', /^## Failures\n\n\| what happens \| .* \|\n\|---\|---\|\n\|/m],
  ['what etcd has', /\b(etcd|Go client)\b/],
];

describe('docs: pages of the recipes', () => {
  const pages = readdirSync(FOLDER);

  it('are all there', () => {
    assert.ok(pages.length >= LEAST_PAGES, `only ${pages.length} pages`);
  });

  for (const page of pages) {
    it(`${page} has all its parts`, () => {
      const text = readFileSync(join(FOLDER, page), 'utf8');
      const missing = PARTS.filter(([, heading]) => !heading.test(text)).map(([what]) => what);
      assert.deepEqual(missing, []);
    });
  }

  it('have a token each, in the page of the container', () => {
    const text = readFileSync(join(ROOT, 'docs', 'inversify.md'), 'utf8');
    const told = [...text.matchAll(/^\| `([A-Z]+)` \|/gm)].map(([, token]) => token);
    const tokens = Object.keys(door).filter((name) => /^[A-Z]+$/.test(name));
    assert.deepEqual(new Set(told), new Set(tokens));
  });

  it('have every key of their layouts', () => {
    const missing = KEY_LAYOUTS.filter(({ recipe, pattern }) => {
      const text = readFileSync(join(FOLDER, `${recipe}.md`), 'utf8');
      const told = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => plain(code));
      return !told.some((code) => isKey(code) && plain(pattern).endsWith(code));
    });
    assert.deepEqual(
      missing.map(({ recipe, pattern }) => `${recipe}: ${pattern}`),
      [],
    );
  });
});

/** A key without the name that it begins with; pages say how its lease is written, layouts not. */
function plain(key: string): string {
  return key
    .replaceAll('<lease in hex>', '<lease>')
    .replaceAll('<lease-', '<lease>-<')
    .replace(/^<(name|group|prefix)>\/?/, '');
}

/** A part alone, such as a nonce, is the end of many keys. */
function isKey(code: string): boolean {
  return code !== '' && (code.includes('/') || !code.includes('<'));
}

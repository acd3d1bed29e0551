// Wraps comment lines that run past the house's 100 columns, which Biome leaves alone. Only a
// paragraph that holds such a line is touched; code fences, tables and trailing comments are not.
// Takes files as arguments; without any, every tracked source file.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const COLUMNS = 100;

/** Splits a comment line into what stands before its text and the text. */
const COMMENT = /^(\s*(?:\*|\/\/)(?: |$))(.*)$/;
const ONE_LINE_BLOCK = /^(\s*)\/\*\* (.*) \*\/$/;
/** What begins a paragraph of its own: a list item, a tag, a table row, a label. */
const STARTS_ALONE = /^(?:- |\d+\. |@|\||#|[A-Z]\w+: )/;

function wrapSource(source) {
  const lines = source.split('\n').flatMap(openLongBlock);
  const result = [];
  let fenced = false;
  for (let at = 0; at < lines.length; ) {
    const match = COMMENT.exec(lines[at]);
    if (match === null || fenced || match[2].startsWith('```')) {
      if (match !== null && match[2].startsWith('```')) fenced = !fenced;
      if (match === null) fenced = false;
      result.push(lines[at]);
      at += 1;
      continue;
    }
    const end = endOfParagraph(lines, at, match[1]);
    const paragraph = lines.slice(at, end);
    result.push(...(paragraph.some(isLong) ? wrapParagraph(paragraph, match[1]) : paragraph));
    at = end;
  }
  return result.join('\n');
}

function isLong(line) {
  return line.length > COLUMNS;
}

/** A block comment on one line that is too long becomes one on three. */
function openLongBlock(line) {
  const match = ONE_LINE_BLOCK.exec(line);
  if (match === null || !isLong(line)) return [line];
  const [, indent, text] = match;
  return [`${indent}/**`, `${indent} * ${text}`, `${indent} */`];
}

function endOfParagraph(lines, start, prefix) {
  let end = start + 1;
  if (COMMENT.exec(lines[start])[2].trim() === '') return end;
  for (; end < lines.length; end += 1) {
    const match = COMMENT.exec(lines[end]);
    if (match === null || match[1] !== prefix) break;
    const text = match[2];
    if (text.trim() === '' || text.startsWith('```') || STARTS_ALONE.test(text.trimStart())) break;
  }
  return end;
}

function wrapParagraph(paragraph, prefix) {
  const texts = paragraph.map((line) => COMMENT.exec(line)[2]);
  if (texts[0].startsWith('|')) return paragraph;
  const first = /^\s*/.exec(texts[0])[0];
  const item = /^\s*(?:- |\d+\. )/.exec(texts[0]);
  const later = texts.length > 1 ? /^\s*/.exec(texts[1])[0] : ' '.repeat(item?.[0].length ?? 0);
  const words = texts.join(' ').trim().split(/\s+/);
  const wrapped = [];
  let line = prefix + first;
  let empty = true;
  for (const word of words) {
    if (!empty && line.length + 1 + word.length > COLUMNS) {
      wrapped.push(line);
      line = prefix + later;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  wrapped.push(line);
  return wrapped;
}

const named = process.argv.slice(2);
const files =
  named.length > 0
    ? named
    : execFileSync('git', ['ls-files', '-z', '*.ts', '*.mjs'], { encoding: 'utf8' })
        .split('\0')
        .filter((path) => path !== '' && !path.startsWith('src/wire/gen/'));
for (const file of files) {
  const source = readFileSync(file, 'utf8');
  const wrapped = wrapSource(source);
  if (wrapped === source) continue;
  writeFileSync(file, wrapped);
  console.log(file);
}

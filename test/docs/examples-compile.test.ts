// Proves that every example of the documents and of the doc comments compiles for a reader who uses
// the package by its public names, under strict settings, and that the compiler saw them: a planted
// fault is told by page and line.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';
import { collectExamples } from './collect-examples.js';
import { compiledExamples, compileExamples } from './compiled-examples.js';

const LEAST_EXAMPLES = 90;

describe('docs: examples compile', function () {
  this.timeout(60_000);

  it('are found, each at the line where its code begins', () => {
    const examples = collectExamples();
    assert.ok(examples.length >= LEAST_EXAMPLES, `only ${examples.length} examples`);
    for (const { at, page, line, code } of examples) {
      const shown = readFileSync(join(ROOT, page), 'utf8').split('\n')[line - 1] ?? '';
      const [first = ''] = code.split('\n');
      assert.ok(first !== '' && shown.endsWith(first), `${at} begins with "${first}"`);
    }
  });

  it('are not taken for right when they are wrong', async () => {
    const code = "const held = await coord.lock('jobs').acquire();\nawait held.keep();";
    const { problems } = await compileExamples([
      { at: 'planted.md:7', page: 'planted.md', line: 7, code },
    ]);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^planted\.md:8:12: error TS2339: .*'keep'/);
  });

  it('compile', async () => {
    const { problems } = await compiledExamples();
    assert.equal(problems.length, 0, `\n  ${problems.join('\n  ')}\n`);
  });
});

/**
 * Proves, conversation by conversation, that the machines say and persist exactly what
 * transcripts/*.txt records. After a change that is meant, TIDELOCK_REWRITE=1 writes the
 * transcripts anew; the difference is then for a reader to judge.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TranscriptEnvironment } from './transcript-environment.js';

const FOLDER = fileURLToPath(new URL('../../../../test/kernel/raft/transcripts/', import.meta.url));

/** Commands stay, with their comments; indented lines are output and are made anew. */
function play(script: string): string {
  const environment = new TranscriptEnvironment();
  const lines: string[] = [];
  for (const line of script.split('\n')) {
    if (line.startsWith('    ')) continue;
    lines.push(line);
    if (line === '' || line.startsWith('#')) continue;
    for (const output of environment.run(line)) lines.push(`    ${output}`);
  }
  return lines.join('\n');
}

describe('raft transcripts', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

  it('are all there', () => {
    assert.ok(names.length >= 22, `only ${names.length} transcripts`);
  });

  for (const name of names) {
    it(name.replaceAll('-', ' ').replace('.txt', ''), () => {
      const recorded = readFileSync(FOLDER + name, 'utf8');
      const played = play(recorded);
      if (process.env['TIDELOCK_REWRITE'] === '1') writeFileSync(FOLDER + name, played);
      else assert.equal(played, recorded);
    });
  }
});

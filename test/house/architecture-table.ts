/**
 * Reads the import table out of ARCHITECTURE.md and compares it with the one the checks use, both
 * ways. The table is the one whose header begins with `room` and `may import`.
 */
import type { Room } from './rooms.js';

/** Rows of the table as lists of trimmed cells, without code marks. */
function rowsOf(markdown: string): readonly (readonly string[])[] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => /^\|\s*room\s*\|\s*may import\s*\|/.test(line));
  if (start < 0) return [];
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
  }
  return rows;
}

/** Where the document and the table differ, one sentence each. */
export function tableProblems(rooms: readonly Room[], markdown: string): readonly string[] {
  const rows = rowsOf(markdown);
  const problems: string[] = [];
  for (const room of rooms) {
    const row = rows.find(([name]) => name === room.name);
    if (row === undefined) {
      problems.push(`ARCHITECTURE.md has no row for room ${room.name}`);
      continue;
    }
    const told = [row[1], row[2], row[3]].map((cell) => inOrder((cell ?? '').split(',')));
    const meant = [inOrder(room.mayImport), room.host, inOrder(room.packages)];
    for (const [index, cell] of told.entries()) {
      if (cell !== meant[index]) {
        problems.push(`ARCHITECTURE.md says "${cell}" for ${room.name}, meant "${meant[index]}"`);
      }
    }
  }
  for (const [name] of rows) {
    if (!rooms.some((room) => room.name === name)) problems.push(`the table has no room ${name}`);
  }
  return problems;
}

function inOrder(names: readonly string[]): string {
  const listed = names.map((name) => name.trim()).filter((name) => name !== '');
  return listed.length === 0 ? 'none' : listed.toSorted().join(', ');
}

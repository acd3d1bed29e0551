/**
 * The import rules of the house as one function over one file: rooms by the table, doors, the
 * packages a room may use, the files that alone may use one. It looks at text and path only.
 */
import { dirname, join } from 'node:path/posix';
import { findImports, type FoundImport } from './import-scan.js';
import { LONE_IMPORTERS, type Room, roomOf } from './rooms.js';

/** Paths of published doors, so that a room may have more than its index.ts. */
export type IsDoor = (path: string) => boolean;
/** Whether the repository holds a file. */
export type Exists = (path: string) => boolean;

/** What is wrong with the imports of a source file in src, one sentence each. */
export function importProblems(
  path: string,
  source: string,
  exists: Exists,
  isDoor: IsDoor,
): readonly string[] {
  const room = roomOf(path);
  if (room === undefined) return [`${path}: lies in no room of the table`];
  return findImports(source).flatMap((found) => {
    const problem = found.specifier.startsWith('.')
      ? relativeProblem(path, room, found, exists, isDoor)
      : packageProblem(path, room, found);
    return problem === undefined ? [] : [`${path}:${found.line}: ${problem}`];
  });
}

function relativeProblem(
  path: string,
  room: Room,
  found: FoundImport,
  exists: Exists,
  isDoor: IsDoor,
): string | undefined {
  const target = join(dirname(path), found.specifier).replace(/\.js$/, '.ts');
  const other = roomOf(target);
  if (other === undefined) return `${found.specifier} leaves the rooms`;
  if (other.name === room.name) return undefined;
  if (!room.mayImport.includes(other.name)) {
    return `room ${room.name} may not import room ${other.name}`;
  }
  const index = `src/${other.name}/index.ts`;
  if (exists(index) && !isDoor(target)) {
    return `${found.specifier} goes past the door of room ${other.name}: import ${index}`;
  }
  return undefined;
}

function packageProblem(path: string, room: Room, found: FoundImport): string | undefined {
  const { specifier } = found;
  if (specifier.startsWith('node:')) {
    return room.host === 'node' ? undefined : `room ${room.name} does not know Node (${specifier})`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (!room.packages.includes(name)) return `room ${room.name} may not import package ${name}`;
  const alone = LONE_IMPORTERS[name];
  if (alone !== undefined && alone !== path) return `${name} is imported by ${alone} alone`;
  if (room.name === 'store' && !found.typeOnly) return `the store room takes only types of ${name}`;
  return undefined;
}

/**
 * Finds the import and re-export statements of a TypeScript source by reading its text. It knows
 * the forms that this house uses and no more: static ones on one or several lines, and
 * `import('…')` with a literal.
 */

export interface FoundImport {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Counted from 1. */
  readonly line: number;
}

const STATIC = /^(import|export)\s+(type\s+)?(?:[\w*${},\s]*?\sfrom\s+)?(['"])([^'"\n]+)\3/gm;
const DYNAMIC = /\bimport\(\s*(['"])([^'"\n]+)\1/g;

export function findImports(source: string): readonly FoundImport[] {
  const found: FoundImport[] = [];
  for (const match of source.matchAll(STATIC)) {
    found.push({
      specifier: match[4] ?? '',
      typeOnly: match[2] !== undefined || namesOnlyTypes(match[0]),
      line: lineAt(source, match.index),
    });
  }
  for (const match of source.matchAll(DYNAMIC)) {
    found.push({
      specifier: match[2] ?? '',
      typeOnly: false,
      line: lineAt(source, match.index),
    });
  }
  return found;
}

/** Whether every name between the braces carries its own `type`. */
function namesOnlyTypes(statement: string): boolean {
  const names = /^(?:import|export)\s*\{([^}]*)\}/.exec(statement)?.[1];
  if (names === undefined) return false;
  const listed = names.split(',').map((name) => name.trim());
  return listed.every((name) => name === '' || name.startsWith('type '));
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

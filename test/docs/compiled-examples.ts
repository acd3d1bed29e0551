/**
 * All examples as one project of a reader's, compiled once for a whole run of the tests. Each is a
 * module with one function, which takes what it uses of a reader's things; the package's names are
 * imported from its doors. What the compiler says is told by page and line.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/repository.js';
import { collectExamples, type Example } from './collect-examples.js';
import { publicNames } from './doors.js';
import { READER_NAMES } from './reader.js';

export interface CompiledExample extends Example {
  /** The reader's things whose names it says. */
  readonly needs: readonly string[];
  /** The compiled module, which exports `run`. */
  readonly module: string;
}

export interface CompiledExamples {
  readonly examples: readonly CompiledExample[];
  /** What the compiler said, a line each. */
  readonly problems: readonly string[];
}

/** Beside build/src and build/test, so that the package is found by its own name. */
const PARENT = join(ROOT, 'build');
const COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const COMPILER_PATIENCE_MS = 60_000;

/** Names that readers know from other packages. */
const OTHER_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  inversify: ['Container', 'ContainerModule', 'inject', 'ServiceIdentifier'],
  zod: ['z'],
};

/** A call that stands alone, or is printed, and a comment behind it: that is what comes of it. */
const CLAIM = /^(?:console\.log\((.*)\)|(\w+\(.*\)(?:\?\.\w+)?));([ \n])\/\/ (.+)$/gm;

/** Where a name that several doors have is meant to come from. */
const FIRST_DOORS: readonly string[] = ['tidelock', 'tidelock/recipes'];

const SETTINGS = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    experimentalDecorators: true,
    skipLibCheck: true,
    sourceMap: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  },
  include: ['*.ts'],
};

let compiled: Promise<CompiledExamples> | undefined;

/** The examples, compiled when they are first asked for. */
export function compiledExamples(): Promise<CompiledExamples> {
  compiled ??= compileExamples(collectExamples());
  return compiled;
}

/** Compiles examples, in a folder that is removed when the process ends. */
export async function compileExamples(found: readonly Example[]): Promise<CompiledExamples> {
  const folder = mkdtempSync(join(PARENT, 'examples-of-docs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(SETTINGS));
  const doorOf = doorsByName();
  const modules = found.map((example, index) => {
    const code = example.code.replaceAll(CLAIM, checkedClaim);
    const needs = READER_NAMES.filter((name) => misses(code, name));
    const { text, codeAt } = moduleOf(code, needs, doorOf);
    writeFileSync(join(folder, `example-${index}.ts`), text);
    return { ...example, needs, codeAt, module: join(folder, `example-${index}.js`) };
  });
  const said = await runCompiler(folder);
  const problems = said.map((line) =>
    line.replace(/^example-(\d+)\.ts\((\d+),(\d+)\)/, (whole, index, at, column) => {
      const from = modules[Number(index)];
      if (from === undefined) return whole;
      return `${from.page}:${from.line + Number(at) - from.codeAt}:${Number(column)}`;
    }),
  );
  return { examples: modules, problems };
}

/** The code of a claim, with a look at whether it is true. */
function checkedClaim(
  _claim: string,
  printed: string | undefined,
  called: string | undefined,
  between: string,
  told: string,
): string {
  return `claims(${printed ?? called ?? ''}, ${JSON.stringify(told)});${between}// ${told}`;
}

/** The door for each public name: of several, that which readers of examples know best. */
function doorsByName(): ReadonlyMap<string, string> {
  const names = publicNames();
  const doors = [...new Set(names.map(({ door }) => door))];
  const ordered = [...FIRST_DOORS, ...doors.filter((door) => !FIRST_DOORS.includes(door))];
  return new Map(
    ordered
      .toReversed()
      .flatMap((door) => names.filter((other) => other.door === door))
      .map(({ name, door }) => [name, door]),
  );
}

/** One example as a module, and the line at which its code begins there. */
function moduleOf(
  code: string,
  needs: readonly string[],
  doorOf: ReadonlyMap<string, string>,
): { readonly text: string; readonly codeAt: number } {
  // Its own imports must stand outside the function, and keep their lines inside it.
  const own: string[] = [];
  const body = code.replaceAll(/^import .*$/gm, (line) => {
    own.push(line);
    return '';
  });
  const imports = [...importsFor(body, own.join('\n'), doorOf), ...own].join(' ');
  const types = says(code, 'Settings')
    ? "type Settings = ReturnType<Reader['Settings']['parse']>;"
    : '';
  const head = [
    imports,
    "import type { Reader } from '../test/docs/reader.js';",
    types,
    `export async function run({ ${needs.join(', ')} }: Reader): Promise<unknown> { {`,
  ];
  const foot = ['}', 'return undefined;', '}', ''];
  return { text: [...head, body, ...foot].join('\n'), codeAt: head.length + 1 };
}

/** The public names that the code says and does not import itself, by door. */
function importsFor(
  body: string,
  own: string,
  doorOf: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Map<string, string[]>();
  const others = Object.entries(OTHER_PACKAGES).flatMap(([from, list]) =>
    list.map((name) => [name, from] as const),
  );
  for (const [name, from] of new Map([...doorOf, ...others])) {
    if (!says(body, name) || says(own, name)) continue;
    names.set(from, [...(names.get(from) ?? []), name]);
  }
  return [...names].map(([from, list]) => `import { ${list.join(', ')} } from '${from}';`);
}

/** Whether the code says the name of a thing that it does not make itself. */
function misses(code: string, name: string): boolean {
  return says(code, name) && !new RegExp(`\\b(const|let|using) ${name}\\b`).test(code);
}

function says(code: string, name: string): boolean {
  return new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)${name}(?![\\w$])`).test(code);
}

/** What the compiler has to say, a line for each fault. */
function runCompiler(folder: string): Promise<readonly string[]> {
  const options = { cwd: folder, timeout: COMPILER_PATIENCE_MS };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [COMPILER, '-p', '.'], options, (error, stdout, stderr) => {
      const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
      if (error !== null && lines.length === 0) reject(error);
      else resolve(lines);
    });
  });
}

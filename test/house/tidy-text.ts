/**
 * The rules of the house on the text of one tracked file: sizes, lines, names, words that must not
 * stay, the opening comment, the export that a file is named for. Each check answers with one
 * sentence for each fault and knows nothing of the file system.
 */

const LINE_CHARACTERS = 100;
const FILE_LINES = 400;
const FILE_LINES_HARD = 600;

/** Files that the length rules leave alone: generated, or lists by nature. */
const isGenerated = (path: string): boolean =>
  path.startsWith('src/wire/gen/') || path === 'package-lock.json' || path === 'LICENSE';
const isSource = (path: string): boolean => /\.(ts|mjs|js)$/.test(path);
/** `skip.ts` is the one place that may skip. */
const isTest = (path: string): boolean =>
  path.startsWith('test/') && path !== 'test/support/skip.ts';
const isMarkdown = (path: string): boolean => path.endsWith('.md');

/** Each word is written in two halves, so that this file does not find itself. */
const BANNED_EVERYWHERE: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`(?<![\\w.])/(wo${'rk'}|ro${'ot'}|ho${'me'}|Us${'ers'})/\\w`),
    'a path of one machine',
  ],
  [new RegExp(`\\b(TO${'DO'}|FIX${'ME'}|XX${'X'})\\b`), 'a note to come back: do it or drop it'],
  [
    new RegExp(`\\b(the le${'ad'}|the bri${'ef'}|prelu${'de'}|sub-?ag${'ent'}s?)\\b`, 'i'),
    'a word about how the work was organised',
  ],
  [new RegExp(`\\b(iss${'ue'}) #?\\d+\\b`, 'i'), 'a number that only a tracker explains'],
];

const BANNED_IN_SOURCE: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\.on${'ly'}\\(`), 'a test that silences the others'],
  [new RegExp(`@ts-(ig${'nore'}|no${'check'})`), 'a compiler told to look away'],
];

const BANNED_IN_TESTS: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`\\b(describe|it|xdescribe|xit)\\.?sk${'ip'}\\(`),
    'a skip without a reason: skipWhen',
  ],
  [new RegExp(`\\bthis\\.sk${'ip'}\\(`), 'a skip without a reason: skipWhen'],
];

/** Tests of pure rooms wait for nothing and read no clock of the machine. */
const BANNED_IN_PURE_TESTS: readonly (readonly [RegExp, string])[] = [
  [/\bset(Timeout|Interval)\(|timers\/promises/, 'real time in a test of a pure room'],
  [
    /^(?!.*_SEED).*\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    'the real clock in a test of a pure room',
  ],
];
const PURE_TESTS = /^test\/(kernel|store|recipes|simulation|wire)\//;

/** What is wrong with the text of a tracked file, one sentence each. */
export function textProblems(path: string, text: string): readonly string[] {
  if (isGenerated(path)) return [];
  const problems: string[] = [...nameProblems(path)];
  const lines = text.split('\n');
  const rules = [
    ...BANNED_EVERYWHERE,
    ...(isSource(path) ? BANNED_IN_SOURCE : []),
    ...(isTest(path) ? BANNED_IN_TESTS : []),
    ...(PURE_TESTS.test(path) ? BANNED_IN_PURE_TESTS : []),
  ];
  for (const [index, line] of lines.entries()) {
    for (const [pattern, why] of rules) {
      if (pattern.test(line)) problems.push(`${path}:${index + 1}: ${why}`);
    }
    if (isSource(path) && line.length > LINE_CHARACTERS && !isUnbreakable(line)) {
      problems.push(`${path}:${index + 1}: ${line.length} characters, at most ${LINE_CHARACTERS}`);
    }
  }
  if (isSource(path)) problems.push(...sizeProblems(path, lines));
  if (path.startsWith('src/') && path.endsWith('.ts')) {
    problems.push(...openingProblems(path, text), ...exportProblems(path, text));
  }
  if (!isMarkdown(path) && text !== '' && !text.endsWith('\n')) {
    problems.push(`${path}: does not end with a line break`);
  }
  return problems;
}

/** Biome breaks code; what it leaves long outside comments is a string. */
function isUnbreakable(line: string): boolean {
  return !/^\s*(\*|\/\/|\/\*)/.test(line) && /['"`]/.test(line);
}

function sizeProblems(path: string, lines: readonly string[]): readonly string[] {
  // Blank lines and comment lines are free up to the hard limit, as for oxlint's max-lines.
  const code = lines.filter((line) => !/^\s*(\/\/.*|\/?\*.*)?$/.test(line)).length;
  if (lines.length > FILE_LINES_HARD) {
    return [`${path}: ${lines.length} lines, never more than ${FILE_LINES_HARD}`];
  }
  return code > FILE_LINES ? [`${path}: ${code} lines of code, at most ${FILE_LINES}`] : [];
}

function nameProblems(path: string): readonly string[] {
  const name = path.split('/').at(-1) ?? '';
  if (/^utils?\.|^helpers?\.|^misc\.|^common\./.test(name)) {
    return [`${path}: a name that says nothing`];
  }
  if (
    isSource(path) &&
    !/^[a-z0-9]+(-[a-z0-9]+)*(\.model)?(\.test|\.d)?\.(ts|mjs|js)$/.test(name)
  ) {
    return [`${path}: file names are kebab-case`];
  }
  return [];
}

/** A source file says what it owns: at its top, or on one of its top-level declarations. */
function openingProblems(path: string, text: string): readonly string[] {
  return /^\/\*\*/m.test(text) ? [] : [`${path}: says nowhere what it owns`];
}

const EXPORTED =
  /^export (?:abstract |async )?(class|function\*?|const|let|interface|type) (\w+)/gm;

/**
 * A file is named for what it exports: one class at most, or several that all carry its name, and
 * when it exports a class or a single value, something in it shares a word with the file. A family
 * of functions is named for its subject. Errors may live beside what throws them.
 */
function exportProblems(path: string, text: string): readonly string[] {
  if (/\/(index|errors)\.ts$/.test(path)) return [];
  const own = words((path.split('/').at(-1) ?? '').replace(/\.ts$/, ''));
  const found = [...text.matchAll(EXPORTED)].map(([, kind, name]) => ({
    kind: kind ?? '',
    name: name ?? '',
    shared: words(name ?? '').some((word) => own.some((other) => isKin(word, other))),
  }));
  const classes = found.filter(({ kind, name }) => kind === 'class' && !name.endsWith('Error'));
  const strangers = classes.filter(({ shared }) => !shared);
  if (classes.length > 1 && strangers.length > 0) {
    return strangers.map(({ name }) => `${path}: class ${name} needs a file of its own`);
  }
  const values = found.filter(({ kind }) => !['interface', 'type'].includes(kind));
  const speaksForOne = classes.length === 1 || values.length === 1;
  if (!speaksForOne || found.some(({ shared }) => shared)) return [];
  return [`${path}: exports ${(classes[0] ?? values[0])?.name}, which is not its name`];
}

/** `load` and `loader` are. */
function isKin(a: string, b: string): boolean {
  return a === b || (Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a)));
}

/** `walSegment`, `WAL_SEGMENT` and `wal-segments` give the same words. */
function words(name: string): readonly string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_]/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/s$/, ''));
}

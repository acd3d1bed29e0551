/**
 * Who may import whom, as the tidy test knows it. The same table stands in ARCHITECTURE.md and in
 * the references of each room's tsconfig.json; the tidy test fails when the three differ.
 */

export interface Room {
  /** Folder below src, such as `kernel/raft`; `.` is src/index.ts, the package's first door. */
  readonly name: string;
  readonly mayImport: readonly string[];
  /** Whether the room may name Node's types and import `node:` modules. */
  readonly host: 'none' | 'node';
  readonly packages: readonly string[];
}

const PARTS = [
  'raft',
  'codec',
  'wal',
  'mvcc',
  'watch',
  'lease',
  'apply',
  'snapshot',
  'replica',
] as const;
const KERNEL_PARTS = PARTS.map((part) => `kernel/${part}`);

function kernel(...parts: readonly (typeof PARTS)[number][]): readonly string[] {
  return parts.map((part) => `kernel/${part}`);
}

export const ROOMS: readonly Room[] = [
  { name: 'ports', mayImport: [], host: 'none', packages: [] },
  { name: 'store', mayImport: ['ports'], host: 'none', packages: ['rxjs'] },
  { name: 'kernel/raft', mayImport: [], host: 'none', packages: [] },
  {
    name: 'kernel/codec',
    mayImport: ['store', ...kernel('raft')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/wal',
    mayImport: ['ports', 'store', ...kernel('codec', 'raft')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/mvcc',
    mayImport: ['ports', 'store', ...kernel('codec')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/watch',
    mayImport: ['ports', 'store', ...kernel('codec', 'mvcc')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/lease',
    mayImport: ['ports', 'store', ...kernel('codec', 'mvcc')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/apply',
    mayImport: ['ports', 'store', ...kernel('codec', 'mvcc', 'lease')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/snapshot',
    mayImport: ['ports', 'store', ...kernel('raft', 'codec', 'mvcc')],
    host: 'none',
    packages: [],
  },
  {
    name: 'kernel/replica',
    mayImport: [
      'ports',
      'store',
      ...kernel('raft', 'codec', 'wal', 'mvcc', 'watch', 'lease', 'apply', 'snapshot'),
    ],
    host: 'none',
    packages: ['rxjs'],
  },
  {
    name: 'kernel',
    mayImport: ['ports', 'store', ...KERNEL_PARTS],
    host: 'none',
    packages: ['rxjs'],
  },
  { name: 'host', mayImport: ['ports'], host: 'node', packages: ['lmdb'] },
  {
    name: 'wire',
    mayImport: ['store'],
    host: 'node',
    packages: ['@bufbuild/protobuf', '@grpc/grpc-js'],
  },
  {
    name: 'client',
    mayImport: ['ports', 'store', 'host', 'wire'],
    host: 'node',
    packages: ['@grpc/grpc-js', 'rxjs'],
  },
  {
    name: 'recipes',
    mayImport: ['ports', 'store'],
    host: 'none',
    packages: ['inversify', 'rxjs'],
  },
  {
    name: 'server',
    mayImport: ['ports', 'store', 'kernel', 'host', 'wire', 'recipes'],
    host: 'node',
    packages: ['@grpc/grpc-js', 'pino', 'prom-client', 'rxjs'],
  },
  {
    name: 'simulation',
    mayImport: ['ports', 'store', 'kernel', 'recipes'],
    host: 'none',
    packages: ['rxjs'],
  },
  {
    name: 'cli',
    mayImport: ['ports', 'store', 'host', 'client', 'recipes', 'server'],
    host: 'node',
    packages: ['commander'],
  },
  {
    name: '.',
    mayImport: ['ports', 'store', 'host', 'client', 'recipes', 'server', 'simulation'],
    host: 'node',
    packages: [],
  },
];

/** Packages that one file of a room alone may import. */
export const LONE_IMPORTERS: Readonly<Record<string, string>> = {
  lmdb: 'src/host/lmdb-backend.ts',
  inversify: 'src/recipes/inversify.ts',
};

/** The room that holds a file, by its path from the root of the repository. */
export function roomOf(path: string): Room | undefined {
  if (!path.startsWith('src/')) return undefined;
  const folder = path.slice('src/'.length).split('/').slice(0, -1).join('/');
  if (folder === '') return ROOMS.find(({ name }) => name === '.');
  const holds = ({ name }: Room): boolean => folder === name || folder.startsWith(`${name}/`);
  return ROOMS.filter(holds).toSorted((a, b) => b.name.length - a.name.length)[0];
}

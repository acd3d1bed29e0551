import { readFile, rm } from 'node:fs/promises';
import type { CommandRunner } from '../ports/command-runner.js';
import type { StagedFiles } from '../ports/staged-files.js';
import { errnoOf } from './disk-failure.js';
import { nodeCommands } from './node-commands.js';
import { putInPlace, stagingPath, writeStaged } from './replace-file.js';

const stagedFiles: StagedFiles = {
  read: async (path) => {
    try {
      return new Uint8Array(await readFile(path));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  stage: async (path, bytes, mode) => {
    const staged = stagingPath(path);
    await writeStaged(staged, bytes, mode);
    return {
      path: staged,
      commit: () => putInPlace(staged, path),
      discard: () => rm(staged, { force: true }),
    };
  },
};

/**
 * The files and programs of this machine, for `sinkToFile`.
 *
 * @example
 * sinkToFile(coord.config('upstreams/', Upstreams), {
 *   host: nodeSink,
 *   path: '/etc/nginx/upstreams.conf',
 *   render: ({ hosts }) => hosts.map((host) => `server ${host};\n`).join(''),
 *   check: ['nginx', '-t'],
 *   reload: ['nginx', '-s', 'reload'],
 * });
 */
export const nodeSink: { readonly files: StagedFiles; readonly commands: CommandRunner } = {
  files: stagedFiles,
  commands: nodeCommands,
};

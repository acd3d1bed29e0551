import { spawn } from 'node:child_process';
import type { Command, CommandOutcome, CommandRunner } from '../ports/command-runner.js';

const OUTPUT_CHARACTERS_MAX = 4000;
/** How long a program may take to end after it was told to; then it is killed. */
const GRACE_MS = 5000;
/** How long outputs may stay open after the program has ended, held by what it has started. */
const OUTPUT_GRACE_MS = 200;

/**
 * Programs run by this process, without a shell unless the command asks for one, without input, and
 * with their output kept in part.
 */
export const nodeCommands: CommandRunner = {
  run: (command, { signal, environment }) => {
    return new Promise<CommandOutcome>((resolve, reject) => {
      const [program, words] = wordsOf(command);
      const child = spawn(program, words, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...environment },
      });
      let output = '';
      const hear = (text: string): void => {
        output = (output + text).slice(-OUTPUT_CHARACTERS_MAX);
      };
      child.stdout.setEncoding('utf8').on('data', hear);
      child.stderr.setEncoding('utf8').on('data', hear);
      let killer: NodeJS.Timeout | undefined;
      const stop = (): void => {
        child.kill('SIGTERM');
        killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      };
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      const finish = (code: number | null): void => {
        clearTimeout(killer);
        signal.removeEventListener('abort', stop);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode: code ?? undefined, output });
      };
      child.once('error', (error) => {
        signal.removeEventListener('abort', stop);
        clearTimeout(killer);
        reject(error);
      });
      child.once('close', finish);
      child.once('exit', (code) => void setTimeout(() => finish(code), OUTPUT_GRACE_MS));
    });
  },
};

function wordsOf(command: Command): [program: string, words: readonly string[]] {
  if ('shell' in command) return ['/bin/sh', ['-c', command.shell]];
  const [program, ...words] = command;
  return [program, words];
}

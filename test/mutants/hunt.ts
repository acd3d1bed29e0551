// Hunts a planted mutant in a process of its own, for so many seeds and so much time.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Orders, Sighting } from './hunter.js';
import type { Mutant } from './mutant.js';
import type { PlantedCopy } from './planted-copy.js';

/** How long a mutant is hunted. */
export interface Budget {
  readonly seedFirst: number;
  /** Seeds of each scenario. */
  readonly seedCount: number;
  readonly wallMs: number;
}

export type Found = Extract<Sighting, { readonly kind: 'found' }>;

/** What came of the hunt of one mutant. */
export type Result = { readonly mutant: Mutant; readonly wallMs: number } & (
  | { readonly kind: 'caught'; readonly found: Found }
  /** No promise was found broken, another one, or one that the sound copy breaks as well. */
  | { readonly kind: 'survived'; readonly seeds: number; readonly why: string }
);

const HUNTER = fileURLToPath(new URL('hunter.js', import.meta.url));

/** @param onSeed - Told how many runs are over */
export async function hunt(
  copy: PlantedCopy,
  mutant: Mutant,
  budget: Budget,
  onSeed: (seeds: number) => void = () => undefined,
): Promise<Result> {
  copy.plant(mutant.edits);
  const { planted, sound } = copy;
  const { seedFirst, seedCount } = budget;
  const orders: Orders = { planted, sound, hunts: mutant.hunts, seedFirst, seedCount };
  const startMs = performance.now();
  let seeds = 0;
  const answer = await sendHunter(orders, budget.wallMs, () => onSeed(++seeds));
  const wallMs = performance.now() - startMs;
  if (typeof answer === 'string') return { mutant, wallMs, kind: 'survived', seeds, why: answer };
  if (answer.kind === 'none') {
    return { mutant, wallMs, kind: 'survived', seeds, why: 'no promise was found broken' };
  }
  const [broken] = answer.soundBroke;
  const { seed, scenario, property } = answer;
  const why =
    broken === undefined
      ? `what seed ${seed} of ${scenario} finds broken is ${property}, and not ${mutant.expected.join(' or ')}`
      : `without the bug, seed ${seed} of ${scenario} breaks ${broken}`;
  const isFound = broken === undefined && mutant.expected.includes(property);
  if (isFound) return { mutant, wallMs, kind: 'caught', found: answer };
  return { mutant, wallMs, kind: 'survived', seeds, why };
}

/** @returns what the hunter told at last, or why it told nothing */
function sendHunter(
  orders: Orders,
  wallMs: number,
  onSeed: () => void,
): Promise<Exclude<Sighting, { kind: 'played' }> | string> {
  return new Promise((resolve, reject) => {
    const hunter = fork(HUNTER, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    let errors = '';
    let why = '';
    const timer = setTimeout(() => {
      why = `nothing within ${Math.round(wallMs / 1000)} s`;
      hunter.kill('SIGKILL');
    }, wallMs);
    hunter.stderr?.on('data', (bytes: Buffer) => {
      errors = (errors + bytes.toString()).slice(-2000);
    });
    hunter.on('message', (sighting: Sighting) => {
      if (sighting.kind === 'played') onSeed();
      else resolve(sighting);
    });
    hunter.on('error', reject);
    hunter.on('exit', () => {
      clearTimeout(timer);
      resolve(why === '' ? `the hunter ended: ${errors}` : why);
    });
    hunter.send(orders);
  });
}

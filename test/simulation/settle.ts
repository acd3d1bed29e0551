// How a test waits until no promise reaction is left: an immediate of the host comes after all of
// them. Several wait ready, because each one that runs alone costs a turn of the host's loop.
const BUNCH = 32;
const waiting: (() => void)[] = [];
let ready = 0;

export function settle(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (ready > 0) return;
    ready = BUNCH;
    for (let at = 0; at < BUNCH; at++) setImmediate(next);
  });
}

function next(): void {
  ready--;
  waiting.shift()?.();
}

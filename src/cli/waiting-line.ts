/** Where a waiting line is shown. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const FIRST_LOOK_MS = 300;
const LOOK_MS = 1000;
const CLEAR = '\r\u001b[2K';
const DEFAULT_COLUMNS = 80;

/**
 * One line on a terminal that says whom one waits for, kept up to date until disposed, and then
 * taken away. Shows nothing where nobody looks, and never fails: it is a remark.
 */
export class WaitingLine implements Disposable {
  readonly #look: () => Promise<string>;
  readonly #screen: Screen;
  #timer: NodeJS.Timeout | undefined;
  #shown = false;
  #ended = false;

  /** Looks for the first time after `firstLookMs`, so that a short wait leaves no trace. */
  constructor(
    look: () => Promise<string>,
    screen: Screen = process.stderr,
    firstLookMs: number = FIRST_LOOK_MS,
  ) {
    this.#look = look;
    this.#screen = screen;
    if (screen.isTTY === true) this.#arm(firstLookMs);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#shown) this.#screen.write(CLEAR);
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#show(), delayMs);
  }

  async #show(): Promise<void> {
    const text = await this.#look().catch(
      () => 'waiting; the server does not answer at the moment',
    );
    if (this.#ended) return;
    // A terminal that does not know its width has none at all.
    const { columns = 0 } = this.#screen;
    this.#screen.write(`${CLEAR}${text.slice(0, (columns > 0 ? columns : DEFAULT_COLUMNS) - 1)}`);
    this.#shown = true;
    this.#arm(LOOK_MS);
  }
}

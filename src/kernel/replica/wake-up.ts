/**
 * A loop's bell. Rings that come while the loop is busy are remembered, so none is missed; the loop
 * sleeps a few microtasks longer than it must, so that callers that wake together are served
 * together.
 */
export class WakeUp {
  #rung = false;
  #resume: (() => void) | undefined;

  readonly ring = (): void => {
    this.#rung = true;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  };

  /** Resolves at the next ring, or soon when it rang already. */
  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    await Promise.resolve();
    await Promise.resolve();
    this.#rung = false;
  }
}

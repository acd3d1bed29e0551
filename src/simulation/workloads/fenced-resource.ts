/** A resource outside the store that refuses fences lower than the highest it has seen. */
export class FencedResource {
  #highest = 0;

  /** @returns whether the action was accepted */
  act(fence: number): boolean {
    if (fence < this.#highest) return false;
    this.#highest = fence;
    return true;
  }
}

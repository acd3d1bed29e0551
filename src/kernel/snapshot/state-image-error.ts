/**
 * An image of a member's state that is not what was written: cut short, changed, or no image at
 * all. Nothing of such an image may be used, not even what came before the fault.
 *
 * @example
 * try {
 *   await inspectImage(image);
 * } catch (error) {
 *   if (!(error instanceof StateImageError)) throw error;
 *   log.warn(error.message);
 * }
 */
export class StateImageError extends Error {
  /** Where in the image, in bytes. */
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(`the state image is damaged at byte ${offset}: ${reason}`);
    this.name = 'StateImageError';
    this.offset = offset;
  }
}

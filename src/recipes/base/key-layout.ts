/**
 * How the keys of one recipe are laid out, as data: what they mean to people, to `tidelock explain`
 * and to the check of names. A layout is a promise to other programs; one that changes gets a new
 * version and a new marked segment. Each recipe keeps its list in a file of its own folder, and
 * nothing is derived from it at run time.
 */
export interface KeyLayout {
  /** The recipe, as its page in `docs/recipes` is called, without the ending. */
  readonly recipe: string;
  readonly version: number;
  /**
   * The key with its parts in angle brackets: `<name>` and `<node>` stand for one or more segments,
   * everything else in brackets for exactly one, and the text between is literal.
   */
  readonly pattern: string;
  /** What the existence of the key says, as a sentence that may use the parts. */
  readonly meaning: string;
  /** What the value holds. */
  readonly value: string;
  /** Whose lease the key has, or why it has none. */
  readonly lease: string;
}

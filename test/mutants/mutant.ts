// What a mutant is: a bug that somebody once made, or could make, as an edit of the compiled code.

/** One place that a mutant changes. */
export interface Edit {
  /** The compiled file, from the folder of the compiled sources on. */
  readonly file: string;
  /** Occurs exactly once in it; a space stands for any white space. */
  readonly find: string;
  readonly replace: string;
}

/** Where a mutant is hunted: a scenario of the simulation, perhaps shorter or longer than it is. */
export interface Hunt {
  readonly scenario: string;
  readonly seconds?: number;
}

export interface Mutant {
  /** Its number in the list of bugs to plant; a letter tells variants apart. */
  readonly id: string;
  readonly bug: string;
  /** Where it was made before. */
  readonly precedent?: string;
  /** Properties of which one must be found broken. */
  readonly expected: readonly string[];
  /** In turn, seed by seed. */
  readonly hunts: readonly Hunt[];
  readonly edits: readonly Edit[];
  /** Found within about two seconds, so that every check of the whole plants it. */
  readonly isQuick?: boolean;
  /** How it differs from the bug of that number, and why. */
  readonly note?: string;
}

/** A bug of the list that cannot be planted, and why. */
export interface Absent {
  readonly id: string;
  readonly bug: string;
  readonly why: string;
}

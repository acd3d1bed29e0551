import type { Writer } from './unclaimed.js';

/** A time during which something was owned, in revisions. */
export interface Tenure {
  /** The lock's or leader's fence; for a slot the revision of its grant. */
  readonly fence: number;
  /** The key, candidate or node that owned. */
  readonly owner: string;
  readonly lease: bigint;
  /** The first revision at which it owned. */
  readonly from: number;
  /** The first revision at which it did not any more; undefined when it never ended. */
  to: number | undefined;
  endedBy: Writer | undefined;
}

/** All tenures of one kind, by what was owned. */
export class Tenures {
  readonly #lists = new Map<string, Tenure[]>();
  readonly #byFence = new Map<string, Tenure>();

  /** Of one lock, election or slot, in order. */
  of(name: string): readonly Tenure[] {
    return this.#lists.get(name) ?? [];
  }

  withFence(name: string, fence: number): Tenure | undefined {
    return this.#byFence.get(`${fence} ${name}`);
  }

  /** The tenure that has not ended. */
  current(name: string): Tenure | undefined {
    const last = this.of(name).at(-1);
    return last?.to === undefined ? last : undefined;
  }

  begin(name: string, tenure: Pick<Tenure, 'fence' | 'owner' | 'lease' | 'from'>): void {
    const begun = { ...tenure, to: undefined, endedBy: undefined };
    this.#byFence.set(`${tenure.fence} ${name}`, begun);
    const list = this.#lists.get(name);
    if (list === undefined) this.#lists.set(name, [begun]);
    else list.push(begun);
  }

  end(name: string, to: number, endedBy: Writer | undefined): void {
    const current = this.current(name);
    if (current === undefined) return;
    current.to = to;
    current.endedBy = endedBy;
  }
}

// Whoever makes a call, as the client's own parts see it.
import assert from 'node:assert/strict';
import type { Caller } from '../../src/client/caller.js';
import type { StoreError } from '../../src/store/index.js';

/** Remembers what it is told, and fails when it is told twice. */
export class Told implements Caller {
  readonly #then: () => void;
  said: unknown;

  constructor(then: () => void = () => undefined) {
    this.#then = then;
  }

  answered(response: Uint8Array): void {
    assert.equal(this.said, undefined, 'told twice');
    this.said = [...response];
    this.#then();
  }

  failed({ code }: StoreError, fate: string): void {
    assert.equal(this.said, undefined, 'told twice');
    this.said = { code, fate };
    this.#then();
  }
}

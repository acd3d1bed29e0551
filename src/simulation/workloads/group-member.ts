import { isCoordinationError, type Members, type Membership } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import type { RecipeUser } from './recipe-user.js';

/** How a member joins. */
export interface JoinTerms {
  readonly id: string;
  readonly onConflict: 'reject' | 'replace' | 'suffix';
  readonly timeoutMs: number;
}

/** One member of a group that comes and goes, with all that it is told noted for the checks. */
export class GroupMember {
  readonly #world: World;
  readonly #client: number;
  readonly #members: Members;
  readonly #name: string;
  #membership: Membership | undefined;
  #joins = 0;
  #token = '';
  #isLeaving = false;

  /** @param name - Of several members that one client has, each needs its own. */
  constructor(
    world: World,
    { client, coordination }: RecipeUser,
    group: string,
    name = client.machine.name,
  ) {
    this.#world = world;
    this.#client = client.number;
    this.#name = name;
    this.#members = coordination.members(group);
  }

  /** The membership that it has; undefined when it left, or was turned out. */
  get current(): Membership | undefined {
    return this.#membership?.signal.aborted === false ? this.#membership : undefined;
  }

  /** @throws what `Members.join` throws */
  async join({ id, onConflict, timeoutMs }: JoinTerms): Promise<void> {
    const { history, sim } = this.#world;
    const token = `${this.#name}-${++this.#joins}`;
    const invokedMs = sim.nowMs;
    let outcome: 'joined' | 'refused' | 'unknown' = 'unknown';
    this.#token = token;
    try {
      const options = { id, onConflict, timeoutMs, metadata: { token } };
      const membership = await this.#members.join(options);
      outcome = 'joined';
      this.#isLeaving = false;
      this.#membership = membership;
      this.#follow(membership, { asked: id, token, fromMs: invokedMs });
    } catch (error) {
      if (isCoordinationError(error, 'Conflict')) outcome = 'refused';
      throw error;
    } finally {
      const terms = { group: this.#members.group, id, token, client: this.#client, onConflict };
      const times = { invokedMs, atMs: sim.nowMs };
      history.addRecipeNote({ kind: 'joined', ...terms, outcome, ...times });
    }
  }

  /** @throws what `Membership.update` throws */
  async update(load: number, timeoutMs: number): Promise<void> {
    await this.#membership?.update({ token: this.#token, load }, { timeoutMs });
  }

  /** @throws what `Membership.leave` throws */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    const membership = this.#membership;
    this.#membership = undefined;
    await membership?.leave();
  }

  #follow(
    membership: Membership,
    terms: { readonly asked: string; readonly token: string; readonly fromMs: number },
  ): void {
    const { asked, token } = terms;
    const { history, sim, findings } = this.#world;
    const who = { group: membership.group, token, client: this.#client };
    let { fromMs } = terms;
    let incarnation = 0;
    membership.state$.subscribe((state) => {
      const atMs = sim.nowMs;
      const { id } = membership;
      if (state.kind === 'joined') {
        ({ incarnation } = state);
        history.addRecipeNote({ kind: 'stood', ...who, asked, id, incarnation, fromMs, atMs });
      } else if (state.kind === 'rejoining') fromMs = atMs;
      else if (state.kind === 'lost') {
        history.addRecipeNote({ kind: 'expelled', ...who, id, incarnation, atMs });
      } else if (!this.#isLeaving && !this.#world.isEnding) {
        findings.report('K11', `client ${this.#client} left group ${who.group} by itself`);
      }
    });
  }
}

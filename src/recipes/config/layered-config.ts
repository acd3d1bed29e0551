import { map } from 'rxjs';
import { type Compare, type KeyValue, type Store, toText } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import type { Guarded } from '../base/guarded.js';
import { checkPrefix } from '../base/names.js';
import type { RecipeView } from '../base/recipe-view.js';
import { viewPrefixes } from '../base/view-prefixes.js';
import { CoordinationError } from '../errors.js';
import { decodeValue } from './config-decode.js';
import { guardOf } from './config-guard.js';
import {
  type ConfigLayer,
  mergeLayers,
  ownersOf,
  type RawLayer,
  rawOfValues,
} from './config-layers.js';
import {
  type ConfigEvent,
  type ConfigSource,
  type ConfigState,
  partOf,
  rawOf,
} from './config-source.js';
import { configView } from './config-view.js';
import { LiveConfig } from './live-config.js';
import type { LiveConfigOptions } from './live-config-options.js';
import type { StandardSchema } from './standard-schema.js';

/** How a configuration of layers is read; its defaults are a layer. */
export type LayeredConfigOptions<T> = Omit<LiveConfigOptions<T>, 'default'>;

/** What one layer says of a key. */
export interface LayerSaying {
  readonly layer: string;
  /** As the default mapping reads it. */
  readonly value: unknown;
  /** The revision at which it was written; undefined for values of the program. */
  readonly revision: number | undefined;
  /** Whether this is what is in force. */
  readonly wins: boolean;
}

/** Why a key has the value that it has. */
export interface ConfigExplanation {
  readonly key: string;
  /** The layer whose value is in force; undefined when no layer's is. */
  readonly layer: string | undefined;
  readonly value: unknown;
  /** What the layers that know the key say, in their order. */
  readonly sayings: readonly LayerSaying[];
  /** The same in one sentence. */
  readonly reason: string;
}

type Prefixes = readonly [string, ...string[]];

/** The prefixes that cannot be more: they are read in one transaction. */
const PREFIXES_MAX = 64;

/**
 * Several layers of settings as one typed value: for each key the last layer that has it wins. All
 * prefixes are read at one revision, so that a move of a setting from one layer to another is never
 * seen half done. For the rest it is like {@link Config}; it has no reports and no rollout.
 *
 * @example
 * const config = coord.layeredConfig(
 *   [
 *     { name: 'defaults', values: { port: 8080, db: { pool: 4 } } },
 *     { name: 'shared', prefix: 'config/shared/' },
 *     { name: 'app', prefix: 'config/billing/' },
 *     { name: 'instance', prefix: `config/hosts/${host}/` },
 *     { name: 'env', values: fromEnvironment(process.env, { prefix: 'BILLING_' }) },
 *   ],
 *   Settings,
 * );
 * await config.ready();
 * console.log(config.explain('db/pool').reason);
 */
export class LayeredConfig<T> extends LiveConfig<T> implements Guarded {
  readonly #context: RecipeContext;
  readonly #stack: LayerStack;
  readonly #schema: StandardSchema<T>;
  readonly #options: LayeredConfigOptions<T>;
  #view: RecipeView<T | undefined> | undefined;

  constructor(
    context: RecipeContext,
    layers: readonly ConfigLayer[],
    schema: StandardSchema<T>,
    options: LayeredConfigOptions<T>,
  ) {
    const stack = new LayerStack(layers);
    super(context, stack.source(context.store), schema, options);
    this.#context = context;
    this.#stack = stack;
    this.#schema = schema;
    this.#options = options;
  }

  /** As {@link Config.at$}. */
  get at$(): RecipeView<T | undefined> {
    this.#view ??= configView(this.#context, {
      prefixes: this.#stack.prefixes,
      toRaw: (state) => mergeLayers(this.#stack.layersOf(state)),
      schema: this.#schema,
      options: this.#options,
    });
    return this.#view;
  }

  /**
   * Conditions that hold while the keys of all prefixes are exactly those of the value in force.
   * @throws CoordinationError as {@link Config.guard}
   */
  guard(): readonly Compare[] {
    return guardOf(this.#stack.name, this.#stack.prefixes, this.accepted, this.seen);
  }

  /** Why a key has the value that it has, in the value that is in force. */
  explain(key: string): ConfigExplanation {
    const state = this.accepted?.state;
    if (state === undefined) {
      const reason = `nothing is known of ${key}: there is no valid value yet`;
      return { key, layer: undefined, value: undefined, sayings: [], reason };
    }
    return this.#stack.explain(state, key);
  }

  /** The same for every key that a layer knows, by key. */
  explainAll(): readonly ConfigExplanation[] {
    const state = this.accepted?.state;
    if (state === undefined) return [];
    const layers = this.#stack.layersOf(state);
    const keys = new Set(layers.flatMap(({ raw }) => [...raw.keys()]));
    return [...keys].toSorted().map((key) => this.#stack.explain(state, key));
  }
}

/** The layers in their order, and what they say in a state. */
class LayerStack {
  readonly prefixes: Prefixes;
  readonly name: string;
  readonly #layers: readonly (RawLayer | { readonly name: string; readonly place: number })[];

  /** @throws CoordinationError `InvalidArgument` */
  constructor(layers: readonly ConfigLayer[]) {
    const prefixes: string[] = [];
    const names = new Set<string>();
    this.#layers = layers.map((layer) => {
      const { name } = layer;
      if (name === '' || names.has(name)) throw refused(`the layer name "${name}" is taken`);
      names.add(name);
      if ('values' in layer) return { name, raw: rawOfValues(layer.values) };
      return { name, place: prefixes.push(checkPrefix(layer.prefix)) - 1 };
    });
    const [first, ...others] = prefixes;
    if (first === undefined) throw refused('there is no layer with a prefix');
    if (prefixes.length > PREFIXES_MAX) throw refused(`there are more than ${PREFIXES_MAX}`);
    this.prefixes = [first, ...others];
    this.name = prefixes.join(' < ');
  }

  source(store: Store): ConfigSource {
    return {
      name: this.name,
      events$: viewPrefixes(store, this.prefixes).pipe(
        map((event): ConfigEvent => {
          if (event.kind === 'stale') return event;
          const { revision, snapshots } = event;
          const parts = snapshots.map((snapshot, at) => partOf(this.prefixes[at] ?? '', snapshot));
          return { kind: 'state', state: { revision, parts } };
        }),
      ),
      toRaw: (state) => mergeLayers(this.layersOf(state)),
    };
  }

  layersOf({ parts }: ConfigState): readonly RawLayer[] {
    return this.#layers.map((layer) =>
      'raw' in layer ? layer : { name: layer.name, raw: rawOf(parts[layer.place]) },
    );
  }

  explain(state: ConfigState, key: string): ConfigExplanation {
    const layers = this.layersOf(state);
    const owner = ownersOf(layers).get(key);
    const sayings = layers.flatMap(({ name, raw }): LayerSaying[] => {
      const bytes = raw.get(key);
      if (bytes === undefined) return [];
      const value = decodeValue(toText(bytes));
      const revision = this.#pairOf(state, name, key)?.modRevision;
      return [{ layer: name, value, revision, wins: owner?.layer === name }];
    });
    const value = sayings.find(({ wins }) => wins)?.value;
    return { key, layer: owner?.layer, value, sayings, reason: reasonOf(key, sayings) };
  }

  #pairOf({ parts }: ConfigState, name: string, key: string): KeyValue | undefined {
    const layer = this.#layers.find((each) => each.name === name);
    if (layer === undefined || 'raw' in layer) return undefined;
    return parts[layer.place]?.entries.get(key);
  }
}

function reasonOf(key: string, sayings: readonly LayerSaying[]): string {
  if (sayings.length === 0) return `no layer has ${key}`;
  const winner = sayings.find(({ wins }) => wins);
  const others = sayings.filter(({ wins }) => !wins).map((saying) => `${tell(saying)}`);
  const rest = others.length === 0 ? 'no other layer has it' : others.join(', ');
  if (winner === undefined) {
    return `${key} is hidden by keys of a later layer above or below it; ${rest}`;
  }
  return `${key} is ${tell(winner)}; ${rest}`;
}

function tell({ layer, value, revision }: LayerSaying): string {
  const when = revision === undefined ? '' : ` since revision ${revision}`;
  return `${JSON.stringify(value)} by ${layer}${when}`;
}

function refused(why: string): CoordinationError {
  return new CoordinationError('InvalidArgument', `layered configuration: ${why}`);
}

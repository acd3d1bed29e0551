import type { Command } from 'commander';
import { type ConfigExplanation, coordinate } from '../recipes/index.js';
import { CliError } from './cli-error.js';
import { ANYTHING } from './config-anything.js';
import { EXIT_CODE } from './exit-code.js';
import { identity } from './identity.js';
import type { JsonRecord, JsonValue } from './json-record.js';
import { type CommonOptions, runWithStore, storeCommand } from './store-command.js';

const EXAMPLES = `  $ tidelock config explain db/url config/shared/ config/billing/ config/hosts/7/
`;

/** Adds `config explain`: which of several prefixes a setting comes from, the last one wins. */
export function registerConfigExplain(config: Command): void {
  storeCommand(config, 'explain', 'Say which prefix a setting comes from.', EXAMPLES)
    .argument('<key>', 'the setting, without a prefix')
    .argument('<prefix...>', 'the layers; the last one that has the setting wins')
    .action((key: string, prefixes: string[], options: CommonOptions) =>
      runWithStore(options, async (store, { output, interrupt, connectTimeoutMs: timeoutMs }) => {
        await using coord = coordinate(store, { identity: identity() });
        const layers = prefixes.map((prefix) => ({ name: prefix, prefix }));
        const layered = coord.layeredConfig(layers, ANYTHING, { decode: (raw) => raw.size });
        await layered.ready({ signal: interrupt.signal, timeoutMs });
        const explanation = layered.explain(key);
        if (explanation.sayings.length === 0) {
          throw new CliError(EXIT_CODE.notAcquired, `no prefix has ${key}`);
        }
        output.write(toRecord(layered.revision, explanation), () => [explanation.reason]);
        return EXIT_CODE.done;
      }),
    );
}

function toRecord(revision: number, { key, layer, value, sayings }: ConfigExplanation): JsonRecord {
  return {
    revision,
    key,
    layer: layer ?? null,
    value: (value ?? null) as JsonValue,
    layers: sayings.map((saying) => ({
      layer: saying.layer,
      value: saying.value as JsonValue,
      revision: saying.revision ?? null,
      wins: saying.wins,
    })),
  };
}

import { toText } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import { checkSegment } from '../base/names.js';
import { parseObject } from '../base/note.js';
import { RecipeView } from '../base/recipe-view.js';
import { statusPrefix } from './side-keys.js';

/** What one instance says of itself. */
export interface ConfigReport {
  /** As it was given in `reportAs`. */
  readonly instance: string;
  /** The revision of the value that it runs; 0 for the default, and when it has none. */
  readonly revision: number;
  /** The same for all that run the same keys; empty for the default, and when it has none. */
  readonly stateId: string;
  /** Where its value comes from; undefined when it has none. */
  readonly origin: 'default' | 'cache' | 'store' | undefined;
  /** The newest update, when the instance refused that. */
  readonly refusal: { readonly revision: number; readonly issues: readonly string[] } | undefined;
  /** Wall-clock milliseconds of the instance at which this became so. */
  readonly sinceMs: number;
}

/** The reports on one configuration, as they were at one revision, by instance. */
export interface ConfigReports {
  readonly revision: number;
  readonly reports: readonly ConfigReport[];
}

/** Issues and characters of each that a report carries at most: it is a key, not a log. */
const ISSUES_MAX = 8;
const ISSUE_CHARACTERS_MAX = 300;

/** The key of a report. @throws CoordinationError `InvalidArgument` */
export function reportKey(configPrefix: string, instance: string): string {
  return statusPrefix(configPrefix) + checkSegment('name of the instance', instance);
}

export function encodeReport(report: Omit<ConfigReport, 'instance'>): string {
  const { refusal } = report;
  const issues = refusal?.issues
    .slice(0, ISSUES_MAX)
    .map((issue) => issue.slice(0, ISSUE_CHARACTERS_MAX));
  return JSON.stringify({
    ...report,
    ...(refusal === undefined ? {} : { refusal: { ...refusal, issues } }),
  });
}

/** Reads a report; what is not one says nothing but that somebody wrote there. */
export function decodeReport(instance: string, value: Uint8Array): ConfigReport {
  const { revision, stateId, origin, refusal, sinceMs } = parseObject(toText(value));
  const isOrigin = origin === 'default' || origin === 'cache' || origin === 'store';
  return {
    instance,
    revision: typeof revision === 'number' ? revision : 0,
    stateId: typeof stateId === 'string' ? stateId : '',
    origin: isOrigin ? origin : undefined,
    refusal: refusalOf(refusal),
    sinceMs: typeof sinceMs === 'number' ? sinceMs : 0,
  };
}

function refusalOf(value: unknown): ConfigReport['refusal'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { revision, issues } = value as { revision?: unknown; issues?: unknown };
  return {
    revision: typeof revision === 'number' ? revision : 0,
    issues: Array.isArray(issues) ? issues.map(String) : [],
  };
}

/** The reports on the configuration under a prefix, and each change of them. */
export function reportsView(
  context: RecipeContext,
  configPrefix: string,
): RecipeView<ConfigReports> {
  return new RecipeView<ConfigReports>(context, {
    prefixes: [statusPrefix(configPrefix)],
    derive: ([{ revision, entries }]) => ({
      revision,
      reports: [...entries]
        .map(([instance, kv]) => decodeReport(instance, kv.value))
        .toSorted((a, b) => (a.instance < b.instance ? -1 : 1)),
    }),
  });
}

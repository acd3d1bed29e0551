import type { StandardSchema } from '../../recipes/index.js';
import { listed } from '../check/check-views.js';

/** Settings of which every one is a text. */
export type TextSettings = Readonly<Record<string, string>>;

/** Accepts what has nothing but texts in it, and none of them `unwanted`. */
export function textSettings(unwanted?: string): StandardSchema<TextSettings> {
  return {
    '~standard': {
      version: 1,
      vendor: 'tidelock',
      validate: (value) => {
        const settings = value as Readonly<Record<string, unknown>>;
        const texts = Object.values(settings);
        if (!texts.every((text) => typeof text === 'string')) {
          return { issues: [{ message: 'not all of it is text' }] };
        }
        if (texts.some((text) => text === unwanted || text.startsWith(`${unwanted} `))) {
          return { issues: [{ message: `nobody wants ${unwanted}` }] };
        }
        return { value: settings as TextSettings };
      },
    },
  };
}

/** Settings as the checks write them down. */
export function settingsText(settings: TextSettings): string {
  return listed(Object.entries(settings).map(([name, value]) => `${name}=${value}`));
}

/**
 * Whether a name matches one of the patterns: `*` stands for anything within a segment, `**` for
 * anything, and leading `**` with its slash also for nothing. So `db/password` is one key,
 * `db/*` all directly below db, and `**` + `/token` a token anywhere.
 */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => toExpression(pattern).test(name));
}

function toExpression(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|[^*]+/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}

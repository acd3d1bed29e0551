/**
 * Finds links in a Markdown document that lead to a file which is not there. Addresses on the web
 * and anchors within the page are none of its business; text in code is no link.
 */
import { dirname, join } from 'node:path/posix';

/** The broken relative links of a document, one sentence each. */
export function linkProblems(
  path: string,
  markdown: string,
  exists: (path: string) => boolean,
): readonly string[] {
  const prose = markdown.replace(/```[\s\S]*?```/g, (code) => code.replace(/[^\n]/g, ' '));
  const problems: string[] = [];
  for (const match of prose.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
    const target = (match[1] ?? '').replace(/#.*$/, '');
    if (target === '' || /^[a-z]+:/.test(target)) continue;
    const place = target.startsWith('/') ? target.slice(1) : join(dirname(path), target);
    if (!exists(place)) problems.push(`${path}: links to ${target}, which is not there`);
  }
  return problems;
}

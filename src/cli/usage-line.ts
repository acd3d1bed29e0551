/**
 * Makes one line of what the parser has to say, in this program's voice: what was wrong, what may
 * have been meant, and where to look.
 */
export function usageLine(text: string): string {
  const [said = '', ...more] = text.trim().split('\n');
  const what = said.replace(/^error: /, '').replace(/\.$/, '');
  const meant = more.map((line) => ` ${line.trim()}`).join('');
  return `tidelock: ${what}${meant}; --help after the command shows how\n`;
}

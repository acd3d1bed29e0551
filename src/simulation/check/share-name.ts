/** What one of several who hold the same thing holds, for its tenure: no two have one fence. */
export function shareName(name: string, fence: number): string {
  return `${name} ${fence}`;
}

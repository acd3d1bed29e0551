/** Long, for a machine with much else to do: only a test that fails waits for so long. */
const DEADLINE_MS = 20_000;

/**
 * Waits for something that another connection or process does: asks again and again, and fails with
 * what was waited for when it does not come.
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Days of the first step: also with a sample a second it is done in a moment. */
const firstDays = 4;

/** Days of a step at most, whose locks keep writers of these days waiting. */
const maxDays = 512;

/** A step that took less may be followed by a larger one, and one that took more is followed by a smaller one. */
const shortMs = 100;
const longMs = 300;

/**
 * How many days the next step computes. A day may have three samples or as many as it has seconds, which only a step
 * tells; steps are short, for what a step has computed is lost when the deadline passes in its middle.
 *
 * @param before the step before; undefined for the first one
 */
export function nextStepDays(before?: { readonly days: number; readonly tookMs: number }): number {
  if (!before) return firstDays;
  const { days, tookMs } = before;
  if (tookMs < shortMs) return Math.min(maxDays, days * 2);
  return tookMs > longMs ? Math.max(1, Math.floor(days / 2)) : days;
}

import type { Results } from "../results.ts";
export function drawCharts(_results: Results): Record<string, string> {
  return {};
}

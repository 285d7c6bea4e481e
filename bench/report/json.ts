/** The results as JSON, with four digits of each figure, which is more than they are exact to; null for none. */
export function toJson(results: unknown): string {
  const round = (value: number) => (Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  return JSON.stringify(results, (_, value: unknown) => (typeof value === "number" ? round(value) : value), 2);
}

/** A JSON object of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object; undefined for anything else. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** The objects of a list; none for anything else. Where there is no object, an empty one stands. */
export function asObjects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map((one) => asObject(one) ?? {}) : [];
}

/** The value as a text that is not empty; undefined for anything else. */
export function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

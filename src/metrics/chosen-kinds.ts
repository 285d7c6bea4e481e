import type { FieldViolation } from "../errors.ts";
import { type Kind, kinds, kindsBySlug } from "./kinds.ts";

/** The violation of a field that names a kind that there is not. */
export function unknownKind(field: string): FieldViolation {
  return { field, description: "is not a kind of this service; ListMetricKinds lists them", rule: "kind.known" };
}

/**
 * The kinds that a request names, all of them when it names none. Unknown ones are added to the violations.
 *
 * @param path path of the message that holds `kinds`, with a trailing dot, or an empty text
 */
export function chosenKinds(slugs: readonly string[], violations: FieldViolation[], path = ""): readonly Kind[] {
  if (slugs.length === 0) return kinds;
  return slugs.flatMap((slug, index) => {
    const kind = kindsBySlug.get(slug);
    if (kind) return [kind];
    violations.push(unknownKind(`${path}kinds[${index}]`));
    return [];
  });
}

import { expect } from "vitest";
import type { Attempt } from "../support/attack.ts";
import { apiCalls } from "./calls.ts";
import type { Company } from "./company.ts";
import { isText, requestFields } from "./fields.ts";
import type { Stage } from "./stage.ts";
import { fateOf } from "./verbatim.ts";

/** Every text in every request of the API. */
export const texts = requestFields(apiCalls).filter(isText);

/** Tries each payload in each text, through one client, and reads back through another. */
export async function walkTexts(
  stage: Stage,
  a: Company,
  attempt: Attempt,
  payloads: readonly string[],
): Promise<void> {
  const clients = Object.values(stage.callers);
  const fates = new Map<string, Set<string>>();
  for (const [index, field] of texts.entries()) {
    // Only a client that speaks Protobuf sends paths as they are: in JSON there are those alone that it can write.
    const at = field.path.endsWith("mask.paths") ? 0 : index;
    const [by, reader] = [clients[at % 3], clients[(at + 1) % 3]];
    const name = `${field.call.name} ${field.path}`;
    for (const payload of payloads) {
      if (!by || !reader) continue;
      // Ids that must be new stay new.
      const text = field.path.endsWith("external_id") ? `${payload} ${index} ${payloads.indexOf(payload)}` : payload;
      await attempt(
        name,
        () => fateOf(stage, a, field, text, [by, reader]),
        ({ fate }) => {
          fates.set(name, (fates.get(name) ?? new Set()).add(fate));
          return fate === "changed" ? `changed in ${name}` : "verbatim or refused";
        },
      );
    }
  }
  const verbatim = [...fates].filter(([, found]) => found.has("verbatim")).map(([name]) => name);
  // Everything that takes free text: names and external ids of companies and employees, and what people log.
  expect(verbatim.length, verbatim.join(", ")).toBe(20);
}

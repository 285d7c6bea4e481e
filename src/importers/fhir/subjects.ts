import { RecordProblem } from "../record-problem.ts";
import { asObject, asText, type JsonObject } from "./json.ts";

/** Says which person a resource is about. */
export interface Subjects {
  /**
   * The external id of a resource's person.
   *
   * @throws RecordProblem when the resource does not say it, or says another one than it may
   */
  find(resource: JsonObject): string;
}

/** The person is the one that a resource names: by the value of an identifier, else by the id of a Patient. */
export function namedSubjects(): Subjects {
  return { find: readSubject };
}

/**
 * All resources are one person's.
 *
 * @param externalId that person; who they are about is not compared with it, but they must agree
 */
export function oneSubject(externalId: string): Subjects {
  let first: string | undefined;
  return {
    find(resource) {
      if (resource["subject"] === undefined) return externalId;
      const subject = readSubject(resource);
      first ??= subject;
      if (subject === first) return externalId;
      throw new RecordProblem(
        "subject",
        "must be the person whom the file began with, for --employee says it is one person's",
      );
    },
  };
}

function readSubject(resource: JsonObject): string {
  const subject = asObject(resource["subject"]);
  const identifier = asText(asObject(subject?.["identifier"])?.["value"]);
  if (identifier !== undefined) return identifier;
  const reference = asText(subject?.["reference"]) ?? "";
  const match = /^(?:urn:uuid:|(?:.*\/)?Patient\/)([^/|#\s]{1,200})(?:\/_history\/[^/]+)?$/.exec(reference);
  if (match?.[1]) return match[1];
  throw new RecordProblem("subject", "must name a person, by an identifier or a reference such as Patient/123");
}

import { readBundle } from "../../importers/fhir/read-bundle.ts";
import { readNdjson } from "../../importers/fhir/read-ndjson.ts";
import { namedSubjects, oneSubject } from "../../importers/fhir/subjects.ts";
import type { ImportSource } from "./import-source.ts";

/** How to read a file of FHIR. */
export interface FhirOptions {
  /** The employee that all of it is of; undefined takes the people whom it names. */
  readonly employee?: string;
  /** The offset of the people's clock, for times by UTC. */
  readonly utcOffsetMinutes?: number;
  /** Undefined goes by the name of the file. */
  readonly format?: "bundle" | "ndjson";
}

/** Opens a file of FHIR R4. */
export function fhirSource(file: string, { employee, utcOffsetMinutes, format }: FhirOptions): ImportSource {
  const form = format ?? (/\.(ndjson|jsonl)$/i.test(file) ? "ndjson" : "bundle");
  const read = form === "ndjson" ? readNdjson : readBundle;
  return {
    importer: `fhir ${form}`,
    input: file,
    files: [file],
    options: {
      ...(employee === undefined ? {} : { employee }),
      ...(utcOffsetMinutes === undefined ? {} : { utcOffsetMinutes }),
    },
    notices: [],
    read: () => {
      const subjects = employee === undefined ? namedSubjects() : oneSubject(employee);
      return read(file, { subjects, utcOffset: utcOffsetMinutes });
    },
  };
}

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { fromMicros } from "../../civil-time.ts";
import { MetricSampleSchema } from "../../gen/wellvault/v1/metric_pb.ts";
import { kindsBySlug } from "../../metrics/kinds.ts";
import type { ImportEvent, Place } from "../import-event.ts";
import { RecordProblem } from "../record-problem.ts";
import { readEffective } from "./effective.ts";
import { readFhirTime } from "./fhir-time.ts";
import { asObject, asObjects, asText, type JsonObject } from "./json.ts";
import { conversionOf, type ObservationCode, observationCodes, panelCodes } from "./observation-codes.ts";
import type { Subjects } from "./subjects.ts";

/** How to read observations. */
export interface ObservationOptions {
  readonly subjects: Subjects;
  /** The offset of the people's clock in minutes east of Greenwich, for times by UTC. */
  readonly utcOffset: number | undefined;
}

const loinc = "http://loinc.org";
const ucum = "http://unitsofmeasure.org";

/** Results that stand. */
const taken = new Set(["preliminary", "final", "amended", "corrected"]);
/** Results that there are not yet, or not any more. */
const notTaken = new Set(["registered", "cancelled", "entered-in-error", "unknown"]);

/** Reads an Observation: each value of a known code becomes a sample, is refused, or is passed over. */
export function readObservation(observation: JsonObject, place: Place, options: ObservationOptions): ImportEvent[] {
  const status = asText(observation["status"]) ?? "";
  if (notTaken.has(status)) return [{ type: "passed over", what: `Observation ${status}` }];
  const refused = ({ field, message }: RecordProblem): ImportEvent => {
    return { type: "refused", problem: { ...place, field, problem: message } };
  };
  if (!taken.has(status)) return [refused(new RecordProblem("status", "must be a status of FHIR R4"))];
  const parts = partsOf(observation);
  if (parts.length === 0) return [{ type: "passed over", what: `Observation of ${codeText(observation)}` }];
  return parts.map((part) => {
    try {
      return "code" in part ? readPart(observation, part, place, options) : part;
    } catch (error) {
      if (error instanceof RecordProblem) return refused(error);
      throw error;
    }
  });
}

/** A value of an observation: its own, or that of a component. */
interface Part {
  readonly holder: JsonObject;
  /** Path of the holder in the observation, with a trailing dot. */
  readonly path: string;
  readonly code: ObservationCode;
}

type PassedOver = Extract<ImportEvent, { type: "passed over" }>;

function partsOf(observation: JsonObject): (Part | PassedOver)[] {
  const own = codeOf(observation);
  const isPanel = codesOf(observation).some((code) => panelCodes.has(code));
  const components = own || isPanel ? asObjects(observation["component"]) : [];
  return [
    ...(own ? [{ holder: observation, path: "", code: own }] : []),
    ...components.map((holder, index): Part | PassedOver => {
      const code = codeOf(holder);
      if (!code) return { type: "passed over", what: `component of ${codeText(holder)}` };
      return { holder, path: `component[${index}].`, code };
    }),
  ];
}

function codesOf(holder: JsonObject): string[] {
  const codings = asObjects(asObject(holder["code"])?.["coding"]);
  return codings.flatMap(({ system, code }) => (system === loinc && typeof code === "string" ? [code] : []));
}

function codeOf(holder: JsonObject): ObservationCode | undefined {
  return codesOf(holder)
    .map((code) => observationCodes.get(code))
    .find((code) => code !== undefined);
}

/** What is passed over is told by its code of LOINC, if it has one: other texts may be anything. */
function codeText(holder: JsonObject): string {
  const code = codesOf(holder).find((one) => /^\d{1,7}-\d$/.test(one));
  return code === undefined ? "another code" : `LOINC ${code}`;
}

function readPart(observation: JsonObject, part: Part, place: Place, options: ObservationOptions): ImportEvent {
  const { kind: slug, ofDay } = part.code;
  const kind = kindsBySlug.get(slug);
  if (!kind) throw new Error(`the importer names a kind that is not in the catalogue: ${slug}`);
  const { valueQuantity, valueInteger, dataAbsentReason } = part.holder;
  if (valueQuantity === undefined && valueInteger === undefined && dataAbsentReason !== undefined) {
    return { type: "passed over", what: "Observation without a value, which says why" };
  }
  const value = readQuantity(part);
  const externalId = options.subjects.find(observation);
  const { start, end, offset, daily } = readEffective(observation, kind, ofDay, options.utcOffset);
  const sample = create(MetricSampleSchema, {
    kind: slug,
    startTime: fromMicros(start),
    ...(end === undefined ? {} : { endTime: fromMicros(end) }),
    utcOffsetMinutes: offset,
    value,
    source: sourceOf(observation),
    daily,
    version: versionOf(observation),
  });
  return { type: "sample", externalId, sample, place };
}

function readQuantity({ holder, path, code }: Part): number {
  const { valueQuantity, valueInteger } = holder;
  // A whole number has no unit, so only what is counted can be one.
  if (valueQuantity === undefined && Number.isInteger(valueInteger) && code.units.has("1")) return Number(valueInteger);
  const quantity = asObject(valueQuantity);
  const at = `${path}valueQuantity`;
  if (!quantity) throw new RecordProblem(at, "must be there");
  if (quantity["comparator"] !== undefined) {
    throw new RecordProblem(`${at}.comparator`, "must not be there: a limit is no value");
  }
  const { value, system } = quantity;
  if (typeof value !== "number" || !Number.isFinite(value)) throw new RecordProblem(`${at}.value`, "must be a number");
  if (system !== undefined && system !== ucum) throw new RecordProblem(`${at}.system`, `must be ${ucum}`);
  // Without a code the text that people read may be one.
  const unit = quantity["code"] ?? quantity["unit"];
  const convert = typeof unit === "string" ? conversionOf(code, unit) : undefined;
  if (!convert) {
    const known = [...code.units.keys()].join(", ");
    throw new RecordProblem(`${at}.code`, `must be a UCUM code that is known for ${code.kind}: ${known}`);
  }
  return convert(value);
}

/** The time of the last change as milliseconds, or what comes closest: later goes before earlier. */
function versionOf(observation: JsonObject): bigint {
  const meta = asObject(observation["meta"]);
  for (const text of [meta?.["lastUpdated"], observation["issued"]]) {
    const time = readFhirTime(asText(text) ?? "");
    if (time?.type === "instant" && time.micros >= 1_000n) return time.micros / 1_000n;
  }
  const version = asText(meta?.["versionId"]) ?? "";
  return /^[1-9]\d{0,14}$/.test(version) ? BigInt(version) : 1n;
}

/**
 * The slug of what recorded an observation. Devices are told apart by one of 256 numbers that their reference comes to,
 * for a tenant's sources are limited. Who performed it does not count: somebody else's correction must replace.
 */
function sourceOf(observation: JsonObject): string {
  const device = asObject(observation["device"]);
  const identifier = asText(asObject(device?.["identifier"])?.["value"]);
  const reference = asText(device?.["reference"])?.split("/").slice(-2).join("/");
  const name = identifier ?? reference ?? asText(device?.["display"]);
  if (name === undefined) return "fhir";
  return `fhir_device_${createHash("sha256").update(name).digest("hex").slice(0, 2)}`;
}

/** Entries in a chunk of the generated text: some 64 KiB, as a file is read. */
const entriesInChunk = 150;
const begin = Date.UTC(2015, 0, 1) / 1_000;

/** Generates a Bundle of FHIR R4 of about that many bytes, chunk by chunk: heart rates and other resources. */
export async function* generateBundle(bytes: number): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from('{"resourceType":"Bundle","type":"collection","entry":[');
  let written = 0;
  for (let first = 0; written < bytes; first += entriesInChunk) {
    const entries = Array.from({ length: entriesInChunk }, (_, index) => JSON.stringify(entryOf(first + index)));
    const chunk = Buffer.from(`${first === 0 ? "" : ","}${entries.join(",")}`);
    written += chunk.length;
    yield chunk;
  }
  yield Buffer.from("]}");
}

function entryOf(at: number): unknown {
  const resource = {
    resourceType: at % 20 === 0 ? "Encounter" : "Observation",
    id: `o${at}`,
    status: "final",
    code: { coding: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }], text: "Heart rate" },
    subject: { reference: `Patient/p${at % 50}` },
    effectiveDateTime: new Date((begin + at * 5) * 1_000).toISOString(),
    valueQuantity: { value: 50 + (at % 90), unit: "beats/minute", system: "http://unitsofmeasure.org", code: "/min" },
  };
  return { fullUrl: `https://clinic.example.org/fhir/Observation/o${at}`, resource };
}

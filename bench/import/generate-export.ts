/** Records in a chunk of the generated text: some 64 KiB, as a file is read. */
const recordsInChunk = 180;
const begin = Date.UTC(2015, 0, 1) / 1_000;
/** Seconds from one record's start to the next one's. */
const pace = 20;

const watch =
  'sourceName="Ada’s Apple Watch" sourceVersion="5.3" device="&lt;&lt;HKDevice: 0x283d0a800&gt;, name:Apple Watch, ' +
  'manufacturer:Apple, model:Watch, hardware:Watch4,4, software:5.3&gt;"';
const phone =
  'sourceName="Ada’s iPhone" sourceVersion="12.4" device="&lt;&lt;HKDevice: 0x283d0b000&gt;, name:iPhone, ' +
  'manufacturer:Apple, model:iPhone, hardware:iPhone11,2, software:12.4&gt;"';

/**
 * Generates an `export.xml` of about that many bytes, chunk by chunk: heart rates, steps and energy of a phone and a
 * watch, stages of sleep, and records that are no metric, in about the proportions of a real one.
 */
export async function* generateExport(bytes: number): AsyncGenerator<Buffer, void, undefined> {
  let written = 0;
  const chunk = (text: string) => {
    const data = Buffer.from(text);
    written += data.length;
    return data;
  };
  yield chunk(
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (ExportDate,Me,(Record)*)>\n]>\n' +
      '<HealthData locale="en_US">\n <ExportDate value="2026-01-01 00:00:00 +0000"/>\n',
  );
  for (let first = 0; written < bytes; first += recordsInChunk) {
    let text = "";
    for (let at = first; at < first + recordsInChunk; at++) text += recordOf(at);
    yield chunk(text);
  }
  yield chunk("</HealthData>\n");
}

function recordOf(at: number): string {
  const time = (seconds: number) => `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace("T", " ")} +0000`;
  const start = begin + at * pace;
  const times = (length: number) =>
    `creationDate="${time(start + length + 30)}" startDate="${time(start)}" endDate="${time(start + length)}"`;
  // People sleep at night.
  const asleep = start % 86_400 < 7 * 3_600;
  switch (at % 40 === 0 && !asleep ? 8 : at % 40) {
    case 0: {
      const stage = at % 80 === 0 ? "AsleepCore" : "AsleepREM";
      return ` <Record type="HKCategoryTypeIdentifierSleepAnalysis" ${watch} ${times(600)} value="HKCategoryValueSleepAnalysis${stage}"/>\n`;
    }
    case 1:
      return ` <Record type="HKQuantityTypeIdentifierWalkingSpeed" ${phone} unit="km/hr" ${times(10)} value="4.${at % 10}"/>\n`;
    case 2:
    case 3:
    case 4:
    case 5:
      return ` <Record type="HKQuantityTypeIdentifierStepCount" ${at % 2 ? watch : phone} unit="count" ${times(60)} value="${at % 120}"/>\n`;
    case 6:
    case 7:
      return ` <Record type="HKQuantityTypeIdentifierActiveEnergyBurned" ${watch} unit="kcal" ${times(60)} value="0.${at % 997}"/>\n`;
    default:
      return (
        ` <Record type="HKQuantityTypeIdentifierHeartRate" ${watch} unit="count/min" ${times(0)} value="${50 + (at % 90)}">\n` +
        '  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n </Record>\n'
      );
  }
}

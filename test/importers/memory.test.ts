import { expect, test } from "vitest";
import { measureImport } from "../../bench/import/import-memory.ts";

/** Small chunks show the same with small files. */
const chunk = 1_500;

// A chunk that is sent and one that is read are held whatever the file's size, and show in both figures.
test.each(["apple-health", "fhir"] as const)(
  "memory does not grow with the file, which the same look finds of an import that keeps what it read: %s",
  async (importer) => {
    const small = await measureImport(importer, 3, { chunk });
    const large = await measureImport(importer, 9, { chunk });
    expect(large.samples).toBeGreaterThan(2.5 * small.samples);
    const allowed = small.liveHeapMegabytes + 1.5;
    expect(large.liveHeapMegabytes).toBeLessThan(allowed);
    const holding = await measureImport(importer, 9, { chunk, hold: true });
    expect(holding.liveHeapMegabytes).toBeGreaterThan(allowed);
  },
  120_000,
);

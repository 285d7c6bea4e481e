import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Report } from "../../src/verify/report.ts";
import { reportText } from "../../src/verify/report-text.ts";
import { canonicalJson, checkSeal, type SealedReport, sealReport } from "../../src/verify/seal.ts";

const report: Report = {
  format: "wellvault verification 1",
  time: "2026-01-02T03:04:05.678Z",
  durationMs: 1_234,
  versions: {
    wellvault: "1.2.3",
    postgresql: "18.4",
    controlMigration: 7,
    tenantMigration: 4,
    hardening: "ab".repeat(32),
  },
  database: { name: "wellvault", systemIdentifier: "123", login: "wellvault_auditor", controlOwner: "postgres" },
  result: "failed",
  companies: 2,
  checks: [
    {
      id: "row-security",
      title: "Row level security is on",
      remedy: "Switch it on.",
      severity: "finding",
      how: { description: "sql/verify/row-security.sql", sha256: "cd".repeat(32) },
      result: "failed",
      examined: 10,
      durationMs: 5,
      findingCount: 30,
      findings: Array.from({ length: 30 }, (_, i) => ({ tenantId: "acme", object: `table ${i}`, problem: "is off" })),
    },
  ],
  canary: { way: "in the process", tenants: 1, called: ["acme"], seed: "0f" },
  limits: ["A superuser sees everything."],
};

function keys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

const own = keys();
const copy = (sealed: SealedReport): SealedReport => JSON.parse(JSON.stringify(sealed)) as SealedReport;

describe("a sealed report", () => {
  test("is right after it was written down and read again, in whatever order", () => {
    const sealed = copy(sealReport(report, own.privateKey));
    const { seal } = sealed;
    const turned = Object.fromEntries(Object.entries(sealed.report).reverse()) as unknown as Report;
    const right = { digest: true, signature: true, trusted: true };
    expect(checkSeal(sealed, own.publicKey)).toEqual(right);
    expect(checkSeal({ report: turned, seal }, own.publicKey)).toEqual(right);
    expect(checkSeal(sealed)).toEqual({ digest: true, signature: true, trusted: undefined });
  });

  test.each<[string, (sealed: SealedReport) => object]>([
    ["a result", (sealed) => ({ ...sealed, report: { ...sealed.report, result: "passed" } })],
    ["a finding less", (sealed) => ({ ...sealed, report: { ...sealed.report, checks: [] } })],
    ["a time", (sealed) => ({ ...sealed, report: { ...sealed.report, time: "2026-01-02T03:04:05.679Z" } })],
    ["a field more", (sealed) => ({ ...sealed, report: { ...sealed.report, extra: null } })],
  ])("%s that was changed is noticed", (_, change) => {
    const changed = change(copy(sealReport(report, own.privateKey))) as SealedReport;
    expect(checkSeal(changed, own.publicKey)).toEqual({ digest: false, signature: false, trusted: false });
  });

  test("a change with a new digest is noticed by the signature", () => {
    const changed = { ...report, result: "passed" as const };
    const { digest } = sealReport(changed).seal;
    const { signature } = sealReport(report, own.privateKey).seal;
    expect(checkSeal({ report: changed, seal: { digest, signature } })).toMatchObject({
      digest: true,
      signature: false,
    });
  });

  test("one that somebody else signed is not trusted, and neither is one that nobody signed", () => {
    const foreign = sealReport(report, keys().privateKey);
    expect(checkSeal(foreign, own.publicKey)).toEqual({ digest: true, signature: true, trusted: false });
    expect(checkSeal(sealReport(report), own.publicKey)).toEqual({
      digest: true,
      signature: undefined,
      trusted: false,
    });
  });

  test("only an Ed25519 key signs", () => {
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    expect(() => sealReport(report, privateKey)).toThrow("Ed25519");
  });
});

test("canonical JSON has one form", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "ä" }], a: undefined })).toBe('{"b":[1,{"c":"ä","d":null}]}');
});

test("the document tells what was found, what to do, how it was done, and leaves room to sign", () => {
  const sealed = sealReport(report, own.privateKey);
  const text = reportText(sealed);
  for (const part of [
    "FAILED",
    "2026-01-02T03:04:05.678Z",
    "system identifier 123",
    "Switch it on.",
    "tenant acme: table 0: is off",
    "and 10 more",
    `SHA-256 ${"cd".repeat(32)}`,
    "seed",
    sealed.seal.digest,
    sealed.seal.signature?.value ?? "?",
    "Reviewed by",
  ]) {
    expect(text).toContain(part);
  }
});

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { afterAll, expect, test } from "vitest";
import { landedImage, root } from "../../tools/protos.ts";

const scratch = mkdtempSync(join(tmpdir(), "wellvault-protos-test-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const buf = (cwd: string, ...args: string[]) =>
  spawnSync(join(root, "node_modules/.bin/buf"), args, { cwd, encoding: "utf8" });

/** Checks a changed copy of the protos against those that landed. */
function breakingAfter(file: string, from: string, to: string): { status: number | null; output: string } {
  const copy = mkdtempSync(join(scratch, "copy-"));
  for (const name of ["proto", "third_party", "buf.yaml"])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  const path = join(copy, "proto/wellvault/v1", file);
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
  const result = buf(copy, "breaking", "proto", "--against", landedImage);
  return { status: result.status, output: result.stdout + result.stderr };
}

test("a change that breaks clients is refused, and one that adds is not", () => {
  const removed = breakingAfter("employee.proto", "string team = 4", "string squad = 4");
  expect(removed.status).not.toBe(0);
  expect(removed.output).toContain("team");
  expect(
    breakingAfter(
      "employee_service.proto",
      "message DeleteEmployeeResponse {}",
      "// Added.\nmessage Added {}\n// E.\nmessage DeleteEmployeeResponse {}",
    ).status,
  ).toBe(0);
});

test("the printed validate.proto declares what its package ships", () => {
  const out = join(scratch, "validate.binpb");
  expect(buf(root, "build", "third_party", "--exclude-source-info", "-o", out).stderr).toBe("");
  const built = fromBinary(FileDescriptorSetSchema, readFileSync(out)).file.find(
    (file) => file.name === "buf/validate/validate.proto",
  );
  expect(built).toBeDefined();
  const registry = createRegistry(file_buf_validate_validate);
  const declared = (file: FileDescriptorProto | undefined) => {
    const { options: _, ...rest } = toJson(FileDescriptorProtoSchema, file ?? file_buf_validate_validate.proto, {
      registry,
    }) as {
      options?: unknown;
    };
    return normalise(rest);
  };
  expect(declared(built)).toEqual(declared(file_buf_validate_validate.proto));
});

/** Drops what is derived or means nothing at its default. */
function normalise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalise);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !["jsonName", "syntax"].includes(key))
      .map(([key, part]) => [key, normalise(part)]),
  );
}

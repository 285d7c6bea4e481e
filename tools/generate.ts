/**
 * Makes the generated code: collects the third-party .proto files from their npm packages into
 * `third_party/`, then runs buf. `npm ci` calls it through the `prepare` script, so a checkout is
 * ready to run after one command and neither folder is kept in git.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProtoFile } from "./print-proto.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "third_party");
const require = createRequire(import.meta.url);

/** Where each third-party file comes from: [npm package, path inside it, import path]. */
const sources = [
  ["google-proto-files", "google/rpc/error_details.proto", "google/rpc/error_details.proto"],
  ["google-proto-files", "google/rpc/status.proto", "google/rpc/status.proto"],
  ["grpc-health-check", "proto/health/v1/health.proto", "grpc/health/v1/health.proto"],
  ["@grpc/reflection", "build/proto/grpc/reflection/v1/reflection.proto", "grpc/reflection/v1/reflection.proto"],
  [
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1alpha/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
  ],
] as const;

rmSync(target, { recursive: true, force: true });
for (const [pkg, from, to] of sources) {
  mkdirSync(dirname(join(target, to)), { recursive: true });
  cpSync(join(packageFolder(pkg), from), join(target, to));
}
mkdirSync(join(target, "buf/validate"), { recursive: true });
writeFileSync(join(target, "buf/validate/validate.proto"), printProtoFile(file_buf_validate_validate));

const buf = spawnSync("buf", ["generate"], { cwd: root, stdio: "inherit" });
if (buf.error) throw buf.error;
process.exitCode = buf.status ?? 1;

function packageFolder(pkg: string): string {
  for (const folder of require.resolve.paths(pkg) ?? []) {
    const candidate = join(folder, pkg);
    try {
      require.resolve(join(candidate, "package.json"));
      return candidate;
    } catch {
      // Not in this node_modules folder: look in the next one up.
    }
  }
  throw new Error(`The npm package ${pkg} is not installed. Run "npm ci".`);
}

/**
 * Makes docs/errors.md from the comments of error_reason.proto, so that the page and the API cannot say
 * different things. `--check` compares instead of writing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One reason as its comment documents it. */
export interface ReasonDoc {
  /** Name without the prefix, as it stands in ErrorInfo. */
  readonly name: string;
  /** gRPC codes that it comes with, such as `NOT_FOUND`. */
  readonly codes: readonly string[];
  /** What it means and what to do. */
  readonly text: string;
}

const root = join(import.meta.dirname, "..");

/** Reads the reasons out of error_reason.proto. */
export function readReasons(): ReasonDoc[] {
  const source = readFileSync(join(root, "proto/wellvault/v1/error_reason.proto"), "utf8");
  const pattern = /((?: {2}\/\/.*\n)+) {2}ERROR_REASON_(\w+) = (\d+);/g;
  return [...source.matchAll(pattern)]
    .filter(([, , , number]) => number !== "0")
    .map(([, comment = "", name = ""]) => {
      const lines = comment.split("\n").map((line) => line.replace(/^ {2}\/\/ ?/, ""));
      const prose = lines
        .filter((line) => !line.startsWith("    "))
        .join(" ")
        .replace(/\s+/g, " ")
        .trim();
      const match = /^([A-Z_]+(?: or [A-Z_]+)*): (.*)$/.exec(prose);
      if (!match) throw new Error(`The comment of ERROR_REASON_${name} does not begin with its gRPC code.`);
      return { name, codes: match[1]?.split(" or ") ?? [], text: match[2] ?? "" };
    });
}

function page(): string {
  const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
  return `# Errors

Every error carries a \`google.rpc.ErrorInfo\` with the domain \`wellvault.v1\` and one of these reasons. Decide by the
reason, not by the message. Errors about fields carry \`google.rpc.BadRequest\` as well, with the path of each field;
errors about a missing or existing thing carry \`google.rpc.ResourceInfo\`.

This page is made from \`proto/wellvault/v1/error_reason.proto\` by \`node tools/error-docs.ts\`.

| reason | gRPC code | what it means and what to do |
|---|---|---|
${readReasons()
  .map(({ name, codes, text }) => `| \`${name}\` | ${codes.join(", ")} | ${sentence(text)} |`)
  .join("\n")}
`;
}

if (import.meta.main) {
  const file = join(root, "docs/errors.md");
  if (!process.argv.includes("--check")) writeFileSync(file, page());
  else if (readFileSync(file, "utf8") !== page()) {
    console.error("docs/errors.md is not what error_reason.proto says. Run: node tools/error-docs.ts");
    process.exitCode = 1;
  }
}

/**
 * Checks the imports of `src` against layers.ts: nothing points upward or in a circle, and nobody but
 * the modules named there touches the ORM or the pools. Exits with 1 and says where, why and what to do.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { layers, ormDeclarations, restrictions } from "./layers.ts";

/** One import of one file. */
export interface Import {
  /** Path below `src` of the importing file, without `.ts`. */
  readonly from: string;
  /** Path below `src` without `.ts`, or the name of a package. */
  readonly to: string;
  /** Whether only types are imported, which leave nothing at run time. */
  readonly typeOnly: boolean;
  /** The names imported; empty for a whole namespace or a side effect. */
  readonly names: readonly string[];
  readonly line: number;
}

/** Reads the imports of every TypeScript file below `folder`, generated code left out. */
export function readImports(folder: string): Import[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !file.startsWith("gen/"));
  return files.flatMap((file) => importsOf(folder, file, readFileSync(join(folder, file), "utf8")));
}

/** Returns the imports and re-exports in a file's text. */
export function importsOf(folder: string, file: string, text: string): Import[] {
  const pattern =
    /^(?:import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  const from = file.replace(/\.ts$/, "");
  return [...text.matchAll(pattern)].map((match) => {
    const clause = match[2] ?? "";
    const specifiers =
      /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(",")
        .map((name) => name.trim())
        .filter(Boolean) ?? [];
    const values = specifiers.filter((name) => !name.startsWith("type "));
    const hasDefault = /^[^{]*[\w$*]/.test(clause.replace(/\{[^}]*\}/, ""));
    return {
      from,
      to: target(folder, file, match[3] ?? match[4] ?? ""),
      typeOnly: match[1] !== undefined || (specifiers.length > 0 && values.length === 0 && !hasDefault),
      names: values.map((name) => name.split(/\s+as\s+/)[0] ?? name),
      line: text.slice(0, match.index).split("\n").length,
    };
  });
}

/** Returns what is wrong with the imports, a sentence each. */
export function findViolations(imports: readonly Import[]): string[] {
  return [...upward(imports), ...restricted(imports), ...circles(imports)];
}

function target(folder: string, file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return relative(folder, resolve(folder, dirname(file), specifier))
    .replaceAll("\\", "/")
    .replace(/\.ts$/, "");
}

function upward(imports: readonly Import[]): string[] {
  return imports.flatMap((one) => {
    const from = layerOf(one.from);
    if (from === -1) return [`${where(one)}: ${one.from} belongs to no layer. Add it to tools/layers.ts.`];
    const to = layerOf(one.to);
    return to !== -1 && to < from
      ? [`${where(one)}: imports ${one.to}, which is a layer above. Move what both need down.`]
      : [];
  });
}

function restricted(imports: readonly Import[]): string[] {
  return imports.flatMap((one) => {
    if (one.typeOnly) return [];
    const rule = restrictions.find(({ target: name }) => isWithin(one.to, name));
    if (!rule) return [];
    if (!rule.allowed.some((allowed) => isWithin(one.from, allowed))) {
      return [`${where(one)}: may not import ${one.to}: ${rule.reason}.`];
    }
    const isHandler = one.to === "@mikro-orm/postgresql" && !one.from.startsWith("database/");
    const foreign = one.names.filter((name) => !ormDeclarations.includes(name));
    return isHandler && (foreign.length > 0 || one.names.length === 0)
      ? [`${where(one)}: may not import ${foreign.join(", ") || "all"} from ${one.to}: ${rule.reason}.`]
      : [];
  });
}

function circles(imports: readonly Import[]): string[] {
  const graph = Map.groupBy(
    imports.filter((one) => !one.typeOnly),
    (one) => one.from,
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push(
        `src/${file}.ts: imports itself in a circle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}.`,
      );
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next.to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

function layerOf(path: string): number {
  return layers.findIndex((names) => names.some((name) => isWithin(path, name)));
}

function isWithin(path: string, name: string): boolean {
  return path === name || path.startsWith(`${name}/`);
}

function where(one: Import): string {
  return `src/${one.from}.ts:${one.line}`;
}

if (import.meta.main) {
  const imports = readImports(join(import.meta.dirname, "../src"));
  const violations = findViolations(imports);
  for (const violation of violations) console.error(violation);
  console.log(`${imports.length} imports checked, ${violations.length} against the rules`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attackIds, chapters, groups } from "./support/catalogue.ts";

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".test.ts"));

test.each(Object.keys(groups))("group %s stands whole, each attack in one file", (group) => {
  const there = Object.values(chapters).flatMap((chapter) => chapter.attacks.filter((id) => id.startsWith(group)));
  expect(there.sort()).toEqual(attackIds.filter((id) => id.startsWith(group)).sort());
});

test.each(Object.keys(groups))("group %s has a control", (group) => {
  const controls = Object.values(chapters).flatMap((chapter) => chapter.controls);
  expect(controls.filter((id) => id.startsWith(group)).length).toBeGreaterThan(0);
});

test.each(Object.keys(chapters))("%s is there and checks that it holds its chapter", (file) => {
  expect(files).toContain(file);
  expect(readFileSync(join(import.meta.dirname, file), "utf8")).toMatch(/^complete\(\);$/m);
});

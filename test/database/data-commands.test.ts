import { expect, test } from "vitest";
import { isDataCommand } from "../../src/database/data-commands.ts";

test.each([
  "select 1",
  "\n  SELECT\n1",
  "insert into t values (1)",
  "Update t set a = 1",
  "delete from t",
  "merge into t using u on true when matched then delete",
  "with a as (select 1) select a from a",
  "values (1)",
  "table t",
  "select*from t",
])("a data command: %j", (text) => {
  expect(isDataCommand(text)).toBe(true);
});

test.each([
  "",
  "do $$ begin commit; end $$",
  "call select_all()",
  "commit",
  "begin",
  "selected",
  "select_all",
  "; select 1",
  "/* select */ do $$ begin commit; end $$",
  "-- select\ndo $$ begin commit; end $$",
  "explain analyze select 1",
  "execute select",
  "prepare select as select 1",
  '"select"',
  "(select 1)",
])("not known to be one: %j", (text) => {
  expect(isDataCommand(text)).toBe(false);
});

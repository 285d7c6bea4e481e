import { afterAll, beforeAll, expect, test } from "vitest";
import { Aggregation, SampleShape } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { as } from "../support/clients.ts";
import { migrateForTest } from "../support/migrate.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** The catalogue as SQL has it, in the words of the API. */
async function catalogue() {
  const { rows } = await service.database.admin.query(
    `select
       slug as kind, display_name as "displayName", unit, loinc_code as "loincCode", minimum, maximum, sensitive,
       by_waking_day as "byWakingDay", aggregation, shapes
     from control.metric_kinds order by slug collate "C"`,
  );
  return rows as Record<string, unknown>[];
}

test("the catalogue in SQL says of every kind what ListMetricKinds says", async () => {
  const { kinds } = await service.clients.metrics.listMetricKinds({}, as("auditor"));
  const nameOf = (values: object, value: number) =>
    Object.entries(values)
      .find(([, one]) => one === value)?.[0]
      .toLowerCase();
  const told = kinds.map(({ $typeName, aggregation, shapes, ...kind }) => ({
    ...kind,
    aggregation: nameOf(Aggregation, aggregation),
    shapes: shapes.map((shape) => nameOf(SampleShape, shape)),
  }));
  expect(told).toHaveLength(30);
  expect(await catalogue()).toEqual(told);
});

test("what was changed there is put right by the next migration, and kinds of a newer service stay", async () => {
  const { admin, url } = service.database;
  const before = await catalogue();
  await admin.query("update control.metric_kinds set unit = 'km', by_waking_day = true where slug = 'distance'");
  await admin.query(
    `insert into control.metric_kinds
     select 999, 'zz_newer', display_name, unit, minimum, maximum, aggregation, shapes, '', sensitive, by_waking_day
     from control.metric_kinds where slug = 'steps'`,
  );
  expect(await catalogue()).not.toEqual(before);
  await migrateForTest(url);
  const after = await catalogue();
  expect(after.at(-1)).toMatchObject({ kind: "zz_newer" });
  expect(after.slice(0, -1)).toEqual(before);
});

test("no role of the service may change it", async () => {
  const { rows } = await service.database.admin.query(
    `select rolname from pg_roles
     where rolname ~ '^(wellvault_(app|control|auditor|session)|v_)'
       and has_table_privilege(oid, 'control.metric_kinds', 'insert, update, delete, truncate')`,
  );
  expect(rows).toEqual([]);
});

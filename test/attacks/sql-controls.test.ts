import { afterAll, beforeAll } from "vitest";
import { declareLetIn } from "./controls/let-in.ts";
import { declareMoreStatements } from "./controls/more-statements.ts";
import {
  catalogue,
  functions,
  nameOf,
  noGrant,
  noGrantToTheLogin,
  rowSecurity,
  together,
  tokenCheck,
  type Wall,
  without,
} from "./controls/walls.ts";
import { oneStatement } from "./sql/one-statement.ts";
import { byId } from "./sql/sql-attack.ts";
import { wholeStatements } from "./sql/whole-statements.ts";
import { attackSuite } from "./support/attack.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

// A database of its own, and a login: here walls fall.
let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld({ login: "wellvault_app_96" });
});
afterAll(() => world.close());

const suite = attackSuite(() => world);
const { control, half, complete } = suite;

/** The SQL of an attack of either group. */
function sqlOf(id: string): string[] {
  if (id.startsWith("E")) return [byId(oneStatement, id).sql(world)];
  return [...byId(wholeStatements, id).sql(world)];
}

/** Attacks that reach B's rows once these walls are away. */
const reaching: readonly (readonly [id: string, effect: "reads B" | "changes B", walls: readonly Wall[]])[] = [
  ["E02", "reads B", [functions("set_config", "query_to_xml"), rowSecurity]],
  ["E04", "reads B", [noGrant, rowSecurity]],
  ["E04", "reads B", [noGrant, tokenCheck]],
  ["E06", "reads B", [noGrant, rowSecurity]],
  ["E30", "reads B", [noGrant, functions("table_to_xml"), rowSecurity]],
  ["E31", "changes B", [noGrant, functions("nextval")]],
  ["E05", "changes B", [noGrant, rowSecurity]],
  ["S01", "reads B", [noGrantToTheLogin, rowSecurity]],
  ["S02", "reads B", [rowSecurity]],
  ["S02", "reads B", [tokenCheck]],
  ["S29", "reads B", [noGrantToTheLogin, rowSecurity]],
  ["S30", "reads B", [rowSecurity]],
  ["S31", "reads B", [noGrant, rowSecurity]],
  ["S37", "reads B", [rowSecurity]],
  ["S39", "reads B", [tokenCheck]],
  ["S40", "changes B", [rowSecurity]],
];
for (const [id, effect, walls] of reaching) {
  control({
    id,
    without: nameOf(walls),
    effect,
    run: (attempt) => without(world, walls, () => world.attackBySql(attempt, sqlOf(id))),
  });
}

/** Attacks that another wall stops when one is away. */
const halves: readonly (readonly [id: string, expected: string, wall: Wall])[] = [
  ["E02", "WV001, logged", functions("set_config", "query_to_xml")],
  ["E04", "WV001, logged", noGrant],
  ["E04", "42501", rowSecurity],
  ["E05", "WV001, logged", noGrant],
  ["E30", "42501", functions("table_to_xml")],
  ["S01", "WV001, logged", noGrantToTheLogin],
  ["S29", "WV001, logged", noGrantToTheLogin],
  ["S31", "WV001, logged", noGrant],
];
for (const [id, expected, wall] of halves) {
  half({
    id,
    without: wall.name,
    expected,
    run: (attempt) => without(world, [wall], () => world.attackBySql(attempt, sqlOf(id))),
  });
}

/** PUBLIC may not change settings as if they were rows. */
const settings: Wall = {
  name: "the hardening of the catalogue",
  down: () => "grant select, update on pg_settings to public",
  up: () => "revoke select, update on pg_settings from public",
};

/** Attacks that look or reach out of the vault by what the hardening takes from PUBLIC. */
const windows: readonly (readonly [id: string, wall: Wall])[] = [
  ["E01", functions("set_config")],
  ["E03", together(settings, functions("set_config", "pg_show_all_settings"))],
  ["E07", functions("set_config")],
  ["E08", catalogue("pg_namespace")],
  ["E09", catalogue("pg_class")],
  ["E10", catalogue("pg_roles")],
  ["E11", together(catalogue("pg_stat_activity"), functions("pg_stat_get_activity"))],
  ["E13", together(catalogue("pg_stat_user_tables"), functions("pg_stat_get_.*"))],
  ["E14", functions("pg_total_relation_size")],
  ["E15", functions("pg_stat_get_live_tuples")],
  ["E16", functions("has_schema_privilege")],
  ["E21", functions("pg_describe_object")],
  [
    "E22",
    together(
      catalogue("information_schema.tables"),
      functions("pg_has_role", "has_.*", "pg_relation_is_.*", "pg_is_other_.*"),
    ),
  ],
  ["E23", together(catalogue("pg_locks"), functions("pg_lock_status"))],
  ["E24", catalogue("pg_auth_members")],
  ["E25", functions("pg_advisory_lock")],
  ["E26", functions("pg_notify")],
  ["E28", functions("pg_sleep")],
  ["E38", functions("pg_current_wal_lsn", "txid_current")],
  ["E39", functions("pg_export_snapshot")],
];
for (const [id, wall] of windows) {
  control({
    id,
    without: wall.name,
    effect: "let in",
    run: (attempt) => without(world, [wall], () => world.attackBySql(attempt, sqlOf(id), () => "let in")),
  });
}

declareLetIn(suite, () => world, sqlOf);
declareMoreStatements(suite, () => world, sqlOf);

complete();

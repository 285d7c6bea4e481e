import { expect } from "vitest";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { send } from "./let-in.ts";
import { catalogue, functions, noGrant, rowSecurity, together, type Wall, without } from "./walls.ts";

/** PUBLIC may not read the planner's samples, which are there once a table was analysed. */
const statistics: Wall = {
  ...catalogue("pg_stats"),
  down: (world) => `analyze ${world.b.vault}.employees; ${catalogue("pg_stats").down(world)}`,
};

/** Controls that need more than a wall taken away and the SQL of the attack. */
export function declareMoreStatements(
  { control }: AttackSuite,
  world: () => AttackWorld,
  sqlOf: (id: string) => string[],
): void {
  /** Attacks that read or change B in yet other ways. */
  const reaching: readonly (readonly [
    id: string,
    effect: "reads B" | "changes B",
    name: string,
    walls: readonly Wall[],
  ])[] = [
    [
      "S04",
      "reads B",
      "the missing membership in the owner of all vaults",
      [
        {
          name: "membership",
          down: ({ a }) => `grant wellvault_owner to ${a.login} with inherit false, set true`,
          up: ({ a }) => `revoke wellvault_owner from ${a.login}`,
        },
      ],
    ],
    [
      "S05",
      "reads B",
      "the missing membership in the superuser",
      [
        {
          name: "membership",
          down: ({ a, superuser }) => `grant "${superuser}" to ${a.login} with inherit false, set true`,
          up: ({ a, superuser }) => `revoke "${superuser}" from ${a.login}`,
        },
      ],
    ],
    [
      "S18",
      "changes B",
      "the hardening of languages, membership and row level security",
      [
        {
          name: "language",
          down: ({ a, b }) => `grant usage on language plpgsql to public; grant ${b.vault} to ${a.vault}`,
          up: ({ a, b }) => `revoke usage on language plpgsql from public; revoke ${b.vault} from ${a.vault}`,
        },
        rowSecurity,
      ],
    ],
    [
      "S34",
      "reads B",
      "the lock of the control plane",
      [
        {
          name: "grant",
          down: ({ a }) =>
            `grant usage on schema control to ${a.vault}; grant select on control.companies to ${a.vault}`,
          up: ({ a }) =>
            `revoke select on control.companies from ${a.vault}; revoke usage on schema control from ${a.vault}`,
        },
      ],
    ],
    [
      "E12",
      "reads B",
      "the hardening of the catalogue, the missing grant and row level security",
      [noGrant, rowSecurity, together(statistics, functions("has_column_privilege", "row_security_active"))],
    ],
    [
      "E35",
      "changes B",
      "the lock of the control plane",
      [
        {
          name: "grant",
          down: ({ a }) =>
            `grant usage on schema control to ${a.vault}; grant update, select on control.control_migrations to ${a.vault}`,
          up: ({ a }) =>
            `revoke all on control.control_migrations from ${a.vault}; revoke usage on schema control from ${a.vault}`,
        },
      ],
    ],
  ];
  for (const [id, effect, name, walls] of reaching) {
    control({
      id,
      without: name,
      effect,
      run: (attempt) => without(world(), walls, () => world().attackBySql(attempt, sqlOf(id))),
    });
  }

  control({
    id: "E34",
    without: "the stamp's check",
    effect: "B's stamp among A's rows",
    async run(attempt) {
      const { a, b } = world();
      await world().admin(`alter table ${a.vault}.employees drop constraint employees_company_id_check`);
      for (const [way, send] of Object.entries(world().ways)) {
        await attempt(
          way,
          () => send(sqlOf("E34")),
          async () => {
            const found = await world().admin(
              `delete from ${a.vault}.employees where company_id = '${b.companyId}' returning 1 as one`,
            );
            return found.length === 1 ? "B's stamp among A's rows" : "nothing";
          },
        );
      }
    },
  });

  control({
    id: "S12",
    without: "the missing grant option",
    effect: "given to everybody",
    async run(attempt) {
      const { a } = world();
      await world().admin(`grant select on ${a.vault}.employees to ${a.vault} with grant option`);
      const before = await world().fingerprint();
      await attempt(
        "em.execute",
        () => send(world(), sqlOf("S12")),
        async () => {
          const after = await world().fingerprint();
          return after.catalogue === before.catalogue ? "nothing changed" : "given to everybody";
        },
      );
      await world().admin(`revoke grant option for select on ${a.vault}.employees from ${a.vault} cascade`);
    },
  });

  control({
    id: "S42",
    without: "policies being for all roles",
    effect: "the own wall dropped",
    async run(attempt) {
      const { a } = world();
      await world().admin(`alter policy tenant_token on ${a.vault}.employees to ${a.vault}`);
      await attempt(
        "em.execute",
        () => send(world(), sqlOf("S42")),
        async () => {
          const left = await world().admin(
            `select from pg_policy where polrelid = '${a.vault}.employees'::regclass and polname = 'tenant_token'`,
          );
          return left.length === 0 ? "the own wall dropped" : "nothing changed";
        },
      );
      const [company] = await world().admin(`select control.policy_expression('${a.companyId}') as text`);
      expect(company).toBeDefined();
      const text = String(company?.["text"]);
      await world().admin(`create policy tenant_token on ${a.vault}.employees using (${text}) with check (${text})`);
    },
  });
}

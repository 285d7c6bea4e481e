import { expect } from "vitest";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { catalogue, functions, noGrant, rowSecurity, together, type Wall, without } from "./walls.ts";

/** Statements that are let in once a right is there, once each: what they make stays. */
const letIn: readonly (readonly [
  id: string,
  wall: string,
  down: (world: AttackWorld) => string,
  up: (world: AttackWorld) => string,
])[] = [
  [
    "S08",
    "the missing right to make temporary tables",
    () => temporary("grant", "to"),
    () => temporary("revoke", "from"),
  ],
  [
    "S09",
    "the missing schema that all share",
    () => "create schema public; grant all on schema public to public",
    () => "drop schema public cascade",
  ],
  [
    "S17",
    "the hardening of languages",
    () => "grant usage on language plpgsql to public",
    () => "revoke usage on language plpgsql from public",
  ],
  ["S22", "the missing grant", noGrant.down, noGrant.up],
  [
    "S24",
    "the missing right to hand B on",
    ({ a, b }) => `grant ${b.vault} to ${a.vault} with admin true, inherit false`,
    ({ a, b }) => `revoke ${b.vault} from ${a.vault} cascade`,
  ],
  [
    "S13",
    "the tables' owner being another",
    ({ a }) => `alter table ${a.vault}.employees owner to ${a.vault}`,
    ({ a }) =>
      `alter table ${a.vault}.employees owner to wellvault_owner;
       grant select, insert, update on ${a.vault}.employees to ${a.vault};
       alter table ${a.vault}.employees enable row level security`,
  ],
  [
    "S33",
    "the keys' lock",
    ({ a }) => `grant select on guard.keys to ${a.vault}`,
    ({ a }) => `revoke select on guard.keys from ${a.vault}`,
  ],
];

/** The right to make temporary tables in the current database. */
function temporary(verb: string, preposition: string): string {
  return `do $$ begin execute format('${verb} temporary on database %I ${preposition} public', current_database()); end $$`;
}

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
  for (const [id, name, down, up] of letIn) {
    control({
      id,
      without: name,
      effect: "let in",
      run: (attempt) =>
        without(world(), [{ name, down, up }], async () => {
          await attempt(
            "em.execute",
            () => send(world(), sqlOf(id)),
            () => "let in",
          );
        }),
    });
  }

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

async function send(world: AttackWorld, statements: readonly string[]): Promise<unknown[]> {
  const way = world.ways["em.execute"];
  if (!way) throw new Error("there is no such way");
  return await way(statements);
}

import type { AttackWorld } from "../support/world.ts";

/** A wall as SQL of the superuser: how it is taken away, and how it is put back. */
export interface Wall {
  readonly name: string;
  readonly down: (world: AttackWorld) => string;
  readonly up: (world: AttackWorld) => string;
}

const tables = ["employees", "log_entries", "samples", "sample_sources", "counters"];

/** A's role has no right in B's vault. */
export const noGrant: Wall = {
  name: "the missing grant",
  down: ({ a, b }) =>
    `grant usage on schema ${b.vault} to ${a.vault}; grant all on all tables in schema ${b.vault} to ${a.vault};
     grant all on all sequences in schema ${b.vault} to ${a.vault}`,
  up: ({ a, b }) =>
    `revoke all on all sequences in schema ${b.vault} from ${a.vault};
     revoke all on all tables in schema ${b.vault} from ${a.vault}; revoke usage on schema ${b.vault} from ${a.vault}`,
};

/** The login has no right in B's vault. */
export const noGrantToTheLogin: Wall = {
  name: "the login's missing grant",
  down: ({ a, b }) =>
    `grant usage on schema ${b.vault} to ${a.login}; grant select on all tables in schema ${b.vault} to ${a.login}`,
  up: ({ a, b }) =>
    `revoke select on all tables in schema ${b.vault} from ${a.login}; revoke usage on schema ${b.vault} from ${a.login}`,
};

/** B's rows ask for B's token. */
export const rowSecurity: Wall = {
  name: "row level security",
  down: ({ b }) => tables.map((table) => `alter table ${b.vault}.${table} disable row level security`).join(";"),
  up: ({ b }) => tables.map((table) => `alter table ${b.vault}.${table} enable row level security`).join(";"),
};

/** The check of the token tells right from wrong. */
export const tokenCheck: Wall = {
  name: "the check of the token",
  down: () => `
    alter function guard.is_signed(uuid, text, bigint, bytea) rename to is_signed_real;
    create function guard.is_signed(company uuid, key_id text, expiry bigint, mac bytea) returns boolean
      language sql stable as 'select true'`,
  up: () => `
    drop function guard.is_signed(uuid, text, bigint, bytea);
    alter function guard.is_signed_real(uuid, text, bigint, bytea) rename to is_signed`,
};

/** PUBLIC may not run some functions. */
export function functions(...patterns: readonly string[]): Wall {
  const each = (verb: string, end: string) => `
    do $$
    declare
      signature text;
    begin
      for signature in
        select p.oid::regprocedure from pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace
          and p.proname ~ '^(${patterns.join("|")})$'
      loop
        execute '${verb} execute on function ' || signature || ' ${end} public';
      end loop;
    end
    $$`;
  return { name: "the hardening of functions", down: () => each("grant", "to"), up: () => each("revoke", "from") };
}

/** PUBLIC may not read some tables of the catalogue. */
export function catalogue(...names: readonly string[]): Wall {
  return {
    name: "the hardening of the catalogue",
    down: () => `grant select on ${names.join(", ")} to public`,
    up: () => `revoke select on ${names.join(", ")} from public`,
  };
}

/** Several walls as one. */
export function together(...walls: readonly Wall[]): Wall {
  return {
    name: nameOf(walls),
    down: (world) => walls.map(({ down }) => down(world)).join(";"),
    up: (world) => walls.map(({ up }) => up(world)).join(";"),
  };
}

/** Takes walls away, does some work, and puts them back in the opposite order. */
export async function without(world: AttackWorld, walls: readonly Wall[], work: () => Promise<void>): Promise<void> {
  for (const { down } of walls) await world.admin(down(world));
  try {
    await work();
  } finally {
    for (const { up } of walls.toReversed()) await world.admin(up(world));
    // The next control starts from walls that stand.
    await world.aftermath();
  }
}

/** Names walls in a sentence. */
export function nameOf(walls: readonly Wall[]): string {
  return walls.map(({ name }) => name).join(" and ");
}

import type pg from "pg";

/** What a database's victims look like at a moment. */
export interface Fingerprint {
  /** Number and hash of the rows of each table of the victims' vaults and of the control plane. */
  readonly rows: string;
  /** Hash of their owners, privileges, policies, settings and memberships, and of the attacker's. */
  readonly catalogue: string;
}

/** Sees, as the superuser, what an attack did to its victims. */
export interface Witness {
  /** Looks at the victims. */
  fingerprint(): Promise<Fingerprint>;
  /** Values that only the victims' rows hold. */
  readonly secrets: readonly string[];
  /** Fails when the next callers, who get the connections that the attacker had, meet anything of the attack. */
  aftermath(): Promise<void>;
}

/**
 * Takes the fingerprint of a database.
 *
 * @param admin connection as the superuser
 * @param victims names of the vaults that an attack must not change
 * @param vaults names of all vaults: the attacker's own rights must not change either
 */
export async function takeFingerprint(
  admin: pg.Client,
  victims: readonly string[],
  vaults: readonly string[] = victims,
): Promise<Fingerprint> {
  const tables = await admin.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'S') and (n.nspname = any ($1) or n.nspname in ('control', 'guard'))
       -- Every pinned transaction leaves its note there, honest or not.
       and c.oid <> 'guard.admission'::regclass
     order by 1`,
    [victims],
  );
  const parts = tables.rows.map(
    ({ name }) =>
      `select '${name}' as name, count(*)::text || ' ' || coalesce(md5(string_agg(row(t.*)::text, e'\\n' order by row(t.*)::text)), '') as hash from ${name} as t`,
  );
  const rows = await admin.query<{ name: string; hash: string }>(parts.join("\nunion all\n"));
  const catalogue = await admin.query<{ hash: string }>(catalogueHash, [vaults]);
  return {
    rows: rows.rows.map(({ name, hash }) => `${name} ${hash}`).join("\n"),
    catalogue: catalogue.rows[0]?.hash ?? "",
  };
}

/**
 * What anybody may do with what is this project's: takes the vaults' names. PostgreSQL's own objects are
 * left out, and roles of other databases of the server: those come and go.
 */
const catalogueHash = `
  with roles as (
    select r.* from pg_roles as r
    where r.rolname = any ($1)
      or r.rolname in ('wellvault_app', 'wellvault_control', 'wellvault_owner', 'wellvault_provisioner',
        'wellvault_guard', 'wellvault_session', 'wellvault_catalog_reader', 'wellvault_auditor')
  ), schemas as (
    select n.* from pg_namespace as n
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
  ), lines as (
    select concat_ws(' ', 'role', to_json(r)) as line from roles as r
    union all
    select concat_ws(' ', 'member', x.roleid::regrole, x.member::regrole, x.admin_option, x.inherit_option,
        x.set_option)
      from pg_auth_members as x
      join roles as r on r.oid = x.roleid join roles as m on m.oid = x.member
    union all
    select concat_ws(' ', 'setting', s.setrole::regrole, s.setconfig)
      from pg_db_role_setting as s
      where s.setdatabase = (select d.oid from pg_database as d where d.datname = current_database())
    union all
    select concat_ws(' ', 'database', d.datdba::regrole, d.datacl)
      from pg_database as d where d.datname = current_database()
    union all
    select concat_ws(' ', 'schema', n.nspname, n.nspowner::regrole, n.nspacl) from schemas as n
    union all
    select concat_ws(' ', 'relation', c.oid::regclass, c.relkind, c.relowner::regrole, c.relacl, c.relrowsecurity,
        c.relforcerowsecurity)
      from pg_class as c join schemas as n on n.oid = c.relnamespace
    union all
    select concat_ws(' ', 'column', a.attrelid::regclass, a.attname, a.attacl)
      from pg_attribute as a join pg_class as c on c.oid = a.attrelid join schemas as n on n.oid = c.relnamespace
      where a.attnum > 0 and not a.attisdropped
    union all
    select concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polroles,
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      from pg_policy as p
    union all
    select concat_ws(' ', 'function', p.oid::regprocedure, p.proowner::regrole, p.proacl, p.prosrc)
      from pg_proc as p join schemas as n on n.oid = p.pronamespace
    union all
    select concat_ws(' ', 'constraint', o.conrelid::regclass, o.conname, pg_get_constraintdef(o.oid))
      from pg_constraint as o join schemas as n on n.oid = o.connamespace
    union all
    select concat_ws(' ', 'operator', o.oid::regoperator) from pg_operator as o
      join schemas as n on n.oid = o.oprnamespace
    union all
    select concat_ws(' ', 'extension', e.extname) from pg_extension as e
  )
  select md5(string_agg(line, e'\\n' order by line)) as hash from lines
`;

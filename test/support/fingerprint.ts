import type pg from "pg";

/** What one part of a vault looks like in the catalogue: a query that takes the vault's name as `$1`. */
const parts: Readonly<Record<string, string>> = {
  schema: `
    select concat_ws(' ', n.nspowner::regrole, ${acl("n.nspacl")}, obj_description(n.oid, 'pg_namespace'))
    from pg_namespace as n where n.nspname = $1`,
  role: `
    select concat_ws(' ', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
      r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, r.rolconfig, shobj_description(r.oid, 'pg_authid'))
    from pg_roles as r where r.rolname = $1`,
  setting: `
    select concat_ws(' ', d.datname, s.setconfig)
    from pg_db_role_setting as s
    join pg_roles as r on r.oid = s.setrole
    left join pg_database as d on d.oid = s.setdatabase
    where r.rolname = $1`,
  membership: `
    select concat_ws(' ', m.roleid::regrole, 'to', m.member::regrole, 'by', m.grantor::regrole,
      m.admin_option, m.inherit_option, m.set_option)
    from pg_auth_members as m where $1 in (m.roleid::regrole::text, m.member::regrole::text)`,
  relation: `
    select concat_ws(' ', c.relname, c.relkind, c.relpersistence, c.relowner::regrole, ${acl("c.relacl")},
      c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, am.amname, c.reltablespace,
      obj_description(c.oid, 'pg_class'))
    from pg_class as c left join pg_am as am on am.oid = c.relam
    where c.relnamespace = $1::text::regnamespace`,
  column: `
    select concat_ws(' ', c.relname, a.attnum, a.attname, a.attisdropped, format_type(a.atttypid, a.atttypmod),
      a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attstattarget,
      a.attcollation::regcollation, ${acl("a.attacl")}, pg_get_expr(d.adbin, d.adrelid),
      col_description(c.oid, a.attnum))
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = $1::text::regnamespace and a.attnum > 0`,
  constraint: `
    select concat_ws(' ', o.conrelid::regclass, o.conname, pg_get_constraintdef(o.oid), o.convalidated,
      o.condeferrable, o.condeferred, obj_description(o.oid, 'pg_constraint'))
    from pg_constraint as o where o.connamespace = $1::text::regnamespace`,
  index: `
    select concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indisclustered,
      i.indisreplident)
    from pg_index as i join pg_class as c on c.oid = i.indexrelid
    where c.relnamespace = $1::text::regnamespace`,
  // The name of an internal trigger holds a number; its constraint and function say which it is.
  trigger: `
    select concat_ws(' ', c.relname, case when t.tgisinternal then o.conname else pg_get_triggerdef(t.oid) end,
      t.tgfoid::regproc, t.tgenabled)
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    left join pg_constraint as o on o.oid = t.tgconstraint
    where c.relnamespace = $1::text::regnamespace`,
  policy: `
    select concat_ws(' ', c.relname, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
      pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_policy as p join pg_class as c on c.oid = p.polrelid
    where c.relnamespace = $1::text::regnamespace`,
  rule: `
    select concat_ws(' ', r.ev_class::regclass, pg_get_ruledef(r.oid), r.ev_enabled)
    from pg_rewrite as r join pg_class as c on c.oid = r.ev_class
    where c.relnamespace = $1::text::regnamespace`,
  function: `
    select concat_ws(' ', p.oid::regprocedure, p.prokind, p.proowner::regrole, ${acl("p.proacl")}, p.prosecdef,
      p.provolatile, p.proconfig, p.prosrc)
    from pg_proc as p where p.pronamespace = $1::text::regnamespace`,
  type: `
    select concat_ws(' ', t.typname, t.typtype, t.typowner::regrole, ${acl("t.typacl")}, t.typnotnull, t.typdefault)
    from pg_type as t where t.typnamespace = $1::text::regnamespace`,
  statistics: `
    select pg_get_statisticsobjdef(s.oid) from pg_statistic_ext as s where s.stxnamespace = $1::text::regnamespace`,
  "default privileges": `
    select concat_ws(' ', d.defaclrole::regrole, d.defaclobjtype, ${acl("d.defaclacl")})
    from pg_default_acl as d
    where d.defaclnamespace = $1::text::regnamespace or d.defaclrole::regrole::text = $1`,
  publication: `
    select concat_ws(' ', p.pubname, r.prrelid::regclass)
    from pg_publication_rel as r
    join pg_publication as p on p.oid = r.prpubid
    join pg_class as c on c.oid = r.prrelid
    where c.relnamespace = $1::text::regnamespace`,
  // Objects elsewhere that name the vault's role: privileges it must not have.
  "right elsewhere": `
    select concat_ws(' ', d.datname, s.classid::regclass, s.deptype)
    from pg_shdepend as s
    join pg_roles as r on s.refclassid = 'pg_authid'::regclass and r.oid = s.refobjid
    left join pg_database as d on d.oid = s.dbid
    where r.rolname = $1`,
};

/**
 * Describes a vault as sorted lines of the catalogue, with its name replaced by `$vault` and its company's
 * id by `$company`: two vaults with the same lines are the same but for their rows.
 */
export async function fingerprint(admin: pg.Client, vault: string): Promise<string[]> {
  const lines: string[] = [];
  const found = await admin.query<{ id: string }>(
    "select company_id::text as id from control.companies where vault = $1",
    [vault],
  );
  const company = found.rows[0]?.id;
  const named = (text: string) => {
    const line = text.replaceAll(vault, "$vault");
    return company ? line.replaceAll(company, "$company") : line;
  };
  for (const [part, sql] of Object.entries(parts)) {
    const { rows } = await admin.query<[string]>({ text: sql, values: [vault], rowMode: "array" });
    lines.push(...rows.map(([text]) => `${part}: ${named(text)}`));
  }
  return lines.sort();
}

/** An access control list as text, in an order of its own. */
function acl(column: string): string {
  return `(select string_agg(item::text, ',' order by item::text) from unnest(${column}) as item)`;
}

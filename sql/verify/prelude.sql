-- Runs before every check of this folder. A check selects one row for each object that it examines:
-- tenant_id (null when the object belongs to none), object, and problem (null when nothing is wrong).
--
-- $1 is what is expected: see src/verify/expectation.ts. No check reads a row of a vault.
with
expected as (select $1::jsonb as value),

-- Companies with what the catalogue has by their vault's name.
vaults as (
  select c.company_id, c.tenant_id, c.vault, c.login, c.schema_version,
    n.oid as schema_oid, n.nspowner as schema_owner, n.nspacl as schema_acl, r.oid as role_oid
  from control.companies as c
  left join pg_namespace as n on n.nspname = c.vault
  left join pg_roles as r on r.rolname = c.vault
),

vault_tables as (
  select v.company_id, v.tenant_id, v.vault, v.schema_version, v.schema_oid, v.role_oid, c.oid, c.relname,
    c.relkind, c.relowner, c.relacl, c.relrowsecurity
  from vaults as v
  join pg_class as c on c.relnamespace = v.schema_oid
  where c.relkind not in ('i', 'I', 't')
),

-- A stored expression holds the company's id as bytes, signed or not as the platform has it.
company_bytes as (
  select v.company_id,
    string_agg((get_byte(b.bytes, i) - case when get_byte(b.bytes, i) > 127 then 256 else 0 end)::text, ' ' order by i) as signed,
    string_agg(get_byte(b.bytes, i)::text, ' ' order by i) as unsigned
  from vaults as v
  cross join lateral (select uuid_send(v.company_id) as bytes) as b
  cross join generate_series(0, 15) as i
  group by v.company_id
),

-- The expressions of checks, defaults, policies and partial indexes. Turning one into text is slow, so it is
-- done once for all that are the same but for the company's id.
stored_expressions as (
  select t.company_id, t.relname, x.catalogue, x.oid, x.item,
    md5(replace(replace(x.tree::text, b.signed, '$company'), b.unsigned, '$company')) as digest
  from (
    select 'constraint' as catalogue, o.oid, 1 as item, o.conrelid as table_oid, o.conbin as tree
    from pg_constraint as o where o.contype = 'c' and o.conrelid <> 0
    union all
    select 'default', d.oid, 1, d.adrelid, d.adbin from pg_attrdef as d
    union all
    select 'policy', p.oid, 1, p.polrelid, p.polqual from pg_policy as p where p.polqual is not null
    union all
    select 'policy', p.oid, 2, p.polrelid, p.polwithcheck from pg_policy as p where p.polwithcheck is not null
    union all
    select 'index', i.indexrelid, 1, i.indrelid, i.indpred from pg_index as i where i.indpred is not null
    union all
    select 'index', i.indexrelid, 2, i.indrelid, i.indexprs from pg_index as i where i.indexprs is not null
  ) as x
  join vault_tables as t on t.oid = x.table_oid
  join company_bytes as b on b.company_id = t.company_id
),
deparsed as materialized (
  select d.relname, d.catalogue, d.item, d.digest,
    replace(
      case d.catalogue
        when 'constraint' then (select pg_get_expr(o.conbin, o.conrelid) from pg_constraint as o where o.oid = d.oid)
        when 'default' then (select pg_get_expr(a.adbin, a.adrelid) from pg_attrdef as a where a.oid = d.oid)
        when 'policy' then (
          select pg_get_expr(case d.item when 1 then p.polqual else p.polwithcheck end, p.polrelid)
          from pg_policy as p where p.oid = d.oid)
        else (
          select pg_get_expr(case d.item when 1 then i.indpred else i.indexprs end, i.indrelid)
          from pg_index as i where i.indexrelid = d.oid)
      end,
      e.company_id::text, '$company') as text
  from (
    select e.relname, e.catalogue, e.item, e.digest, min(e.oid) as oid
    from stored_expressions as e
    group by e.relname, e.catalogue, e.item, e.digest
  ) as d
  join stored_expressions as e on e.catalogue = d.catalogue and e.item = d.item and e.oid = d.oid
),
expressions as (
  select e.catalogue, e.oid, e.item, d.text
  from stored_expressions as e
  join deparsed as d on d.relname = e.relname and d.catalogue = e.catalogue and d.item = e.item and d.digest = e.digest
),

-- What a vault consists of, as lines in which its company stands as $company. Two vaults with the same lines
-- are the same but for their rows.
vault_lines as (
  select v.tenant_id, v.schema_version, 'grant' as part,
    concat_ws(' ', 'schema', a.privilege_type, case when a.is_grantable then 'grantable' end) as line
  from vaults as v
  cross join aclexplode(v.schema_acl) as a
  where a.grantee = v.role_oid
  union all
  select t.tenant_id, t.schema_version, 'grant',
    concat_ws(' ', t.relname, a.privilege_type, case when a.is_grantable then 'grantable' end)
  from vault_tables as t
  cross join aclexplode(t.relacl) as a
  where a.grantee = t.role_oid
  union all
  select t.tenant_id, t.schema_version, 'relation',
    concat_ws(' ', t.relname, c.relkind, c.relpersistence, c.relreplident, c.reloptions::text, am.amname, c.reltablespace)
  from vault_tables as t
  join pg_class as c on c.oid = t.oid
  left join pg_am as am on am.oid = c.relam
  union all
  select t.tenant_id, t.schema_version, 'column',
    concat_ws(' ', t.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then 'not null' end, nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
      nullif(a.attcollation, 0), 'default ' || e.text)
  from vault_tables as t
  join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  left join expressions as e on e.catalogue = 'default' and e.oid = d.oid
  union all
  -- Not-null constraints have rows of their own since PostgreSQL 18; the columns tell of them before, too. One
  -- that is not enforced is not validated either.
  select t.tenant_id, t.schema_version, 'constraint',
    concat_ws(' ', t.relname, o.conname, o.contype, o.conkey::text, f.relname, o.confkey::text,
      nullif(btrim(concat(o.confupdtype, o.confdeltype, o.confmatchtype)), ''), e.text,
      case when not o.convalidated then 'not validated' end,
      case when o.condeferrable then 'deferrable' end)
  from vault_tables as t
  join pg_constraint as o on o.conrelid = t.oid and o.contype <> 'n'
  left join pg_class as f on f.oid = o.confrelid and o.confrelid <> 0
  left join expressions as e on e.catalogue = 'constraint' and e.oid = o.oid
  union all
  select t.tenant_id, t.schema_version, 'index',
    concat_ws(' ', t.relname, c.relname, am.amname, i.indkey::text,
      i.indclass::text, i.indoption::text, case when i.indisunique then 'unique' end, case when i.indisprimary then 'primary' end,
      case when i.indisexclusion then 'exclusion' end, case when not i.indimmediate then 'deferred' end,
      case when not i.indisvalid then 'not valid' end, 'where ' || w.text, 'on ' || x.text)
  from vault_tables as t
  join pg_index as i on i.indrelid = t.oid
  join pg_class as c on c.oid = i.indexrelid
  join pg_am as am on am.oid = c.relam
  left join expressions as w on w.catalogue = 'index' and w.oid = i.indexrelid and w.item = 1
  left join expressions as x on x.catalogue = 'index' and x.oid = i.indexrelid and x.item = 2
),

-- What the schemas control and guard consist of besides functions, as lines.
control_schemas as (
  select n.oid, n.nspname, n.nspowner, n.nspacl from pg_namespace as n where n.nspname in ('control', 'guard')
),
control_lines as (
  select l.kind, l.name, concat_ws(' ', l.kind, l.name, l.detail,
    'owner ' || case when o.rolname = expected.value ->> 'migrator' then '$migrator' else o.rolname end,
    (select 'to ' || string_agg(x.privilege, ',' order by x.privilege)
     from (
       select case when a.grantee = 0 then 'PUBLIC' when g.rolname = expected.value ->> 'migrator' then '$migrator'
         else g.rolname end || ':' || a.privilege_type || case when a.is_grantable then '*' else '' end as privilege
       from aclexplode(l.acl) as a
       left join pg_roles as g on g.oid = a.grantee
       where a.grantee <> l.owner
     ) as x)) as line
  from (
    select 'schema' as kind, n.nspname::text as name, null as detail, n.nspowner as owner, n.nspacl as acl
    from control_schemas as n
    union all
    select 'relation', format('%s.%s', n.nspname, c.relname),
      concat_ws(' ', c.relkind, c.relpersistence, c.reloptions::text, case when c.relrowsecurity then 'row security' end,
        case when exists (select from pg_inherits as i where c.oid in (i.inhparent, i.inhrelid)) then 'inherits' end),
      c.relowner, c.relacl
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid
    where c.relkind not in ('i', 'I', 't')
    union all
    select 'column', format('%s.%s.%s', n.nspname, c.relname, a.attname),
      concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
        'default ' || pg_get_expr(d.adbin, d.adrelid)),
      c.relowner, a.attacl
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid and c.relkind not in ('i', 'I', 't')
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    select 'constraint', format('%s.%s', o.conrelid::regclass, o.conname),
      concat_ws(' ', pg_get_constraintdef(o.oid), case when not o.convalidated then 'not validated' end), null, null
    from control_schemas as n join pg_constraint as o on o.connamespace = n.oid and o.contype <> 'n'
    union all
    select 'index', format('%s', i.indexrelid::regclass),
      concat_ws(' ', pg_get_indexdef(i.indexrelid), case when not i.indisvalid then 'not valid' end), null, null
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid join pg_index as i on i.indrelid = c.oid
    union all
    -- The name of an internal trigger holds a number; its constraint and function say which it is.
    select 'trigger', format('%s.%s', t.tgrelid::regclass,
        case when t.tgisinternal then concat_ws('.', k.conname, p.proname) else t.tgname end),
      concat_ws(' ', case when not t.tgisinternal then pg_get_triggerdef(t.oid) end, t.tgenabled), null, null
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid join pg_trigger as t on t.tgrelid = c.oid
    join pg_proc as p on p.oid = t.tgfoid
    left join pg_constraint as k on k.oid = t.tgconstraint
    union all
    select 'policy', format('%s.%s', p.polrelid::regclass, p.polname),
      concat_ws(' ', p.polcmd, p.polroles::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
      null, null
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid join pg_policy as p on p.polrelid = c.oid
    union all
    select 'rule', format('%s.%s', r.ev_class::regclass, r.rulename), pg_get_ruledef(r.oid), null, null
    from control_schemas as n join pg_class as c on c.relnamespace = n.oid join pg_rewrite as r on r.ev_class = c.oid
    union all
    -- Whatever else may stand in a schema: operators, types, text search, statistics.
    select 'object', pg_describe_object(d.classid, d.objid, d.objsubid), null, null, null
    from control_schemas as n
    join pg_depend as d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid
    where d.classid not in ('pg_class'::regclass, 'pg_proc'::regclass)
  ) as l
  cross join expected
  left join pg_roles as o on o.oid = l.owner
),

-- What PostgreSQL's own functions are, and one sum of all of them, without the rights on them.
builtin_functions as (
  select p.oid, p.oid::regprocedure::text as signature, p.proowner, l.lanname, p.prosecdef, p.proconfig,
    concat_ws(' ', p.oid::regprocedure::text, p.prorettype::regtype::text, case when p.proretset then 'setof' end,
      l.lanname, p.prokind, p.provolatile, p.proparallel, p.prosecdef::text, p.proleakproof::text, p.proisstrict::text,
      p.procost::text, p.prorows::text, p.prosupport::text, p.proowner::text, p.proconfig::text, p.probin, p.prosrc,
      pg_get_function_sqlbody(p.oid), pg_get_expr(p.proargdefaults, 0)) as line
  from pg_proc as p
  join pg_language as l on l.oid = p.prolang
  where p.oid < 16384
),
builtin_sum as (
  select current_setting('server_version_num') as version,
    encode(sha256(convert_to(string_agg(b.line, e'\n' order by b.line collate "C"), 'UTF8')), 'hex') as sum
  from builtin_functions as b
),


-- The functions of the schemas control and guard are those of the migrations: body, owner, rights, settings.
with found as (
  select p.oid::regprocedure::text as signature,
    concat_ws(' ', p.oid::regprocedure::text, l.lanname, case when p.prosecdef then 'security definer' end,
      p.provolatile, case when p.proleakproof then 'leakproof' end, case when p.proisstrict then 'strict' end,
      'parallel ' || p.proparallel::text, 'cost ' || p.procost, case when p.prosupport <> 0 then 'support ' || p.prosupport::text end,
      case when p.proretset then 'setof' end, 'returns ' || p.prorettype::regtype::text, p.proconfig::text,
      'owner ' || case when o.rolname = expected.value ->> 'migrator' then '$migrator' else o.rolname end,
      'sha256 ' || encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'),
      (select 'to ' || string_agg(x.name || case when x.is_grantable then '*' else '' end, ',' order by x.name)
       from (
         select case when a.grantee = 0 then 'PUBLIC' when g.rolname = expected.value ->> 'migrator' then '$migrator'
           else g.rolname end as name, a.is_grantable
         from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
         left join pg_roles as g on g.oid = a.grantee
         where a.grantee <> p.proowner
       ) as x)) as line
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('control', 'guard')
  join pg_language as l on l.oid = p.prolang
  left join pg_roles as o on o.oid = p.proowner
  cross join expected
),
wanted as (
  select f.line, split_part(f.line, ')', 1) || ')' as signature
  from expected cross join jsonb_array_elements_text(expected.value -> 'functions') as f (line)
)
select null::text as tenant_id, 'function ' || coalesce(f.signature, w.signature) as object,
  case
    when f.signature is null then 'is missing'
    when w.signature is null then 'is none of the migrations'''
    when f.line <> w.line then 'is changed: ' || f.line
  end as problem
from found as f
full join wanted as w on w.signature = f.signature

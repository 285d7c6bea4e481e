-- The service's own roles: which there are and what each may do on the server.
with wanted (name, may_log_in, may_create_roles) as (
  values ('wellvault_owner', false, false), ('wellvault_provisioner', false, true), ('wellvault_guard', false, false),
    ('wellvault_catalog_reader', false, false), ('wellvault_session', false, false),
    ('wellvault_control', true, false), ('wellvault_auditor', true, false)
  union all
  select l.login, true, false from control.data_logins as l
)
select null::text as tenant_id, 'role ' || coalesce(w.name, r.rolname) as object,
  case
    when r.oid is null then 'is missing'
    -- Another database of the server may have more logins of the data plane than this one.
    when w.name is null and (r.rolname !~ '^wellvault_app_[0-9]{2}$' or not exists (
      select from pg_shdepend as s
      where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.classid = 'pg_database'::regclass
        and s.objid <> (select d.oid from pg_database as d where d.datname = current_database())
    )) then 'is none of the service''s'
    else nullif(concat_ws(', ',
      case when w.name is not null and r.rolcanlogin <> w.may_log_in then
        case when r.rolcanlogin then 'may log in' else 'may not log in' end end,
      case when r.rolsuper then 'is a superuser' end,
      case when r.rolcreaterole and not coalesce(w.may_create_roles, false) then 'may create roles' end,
      case when w.may_create_roles and not r.rolcreaterole then 'may not create roles' end,
      case when r.rolcreatedb then 'may create databases' end,
      case when r.rolreplication then 'may replicate' end,
      case when r.rolbypassrls then 'bypasses row level security' end,
      case when r.rolinherit then 'inherits by default' end,
      case when r.rolvaliduntil < now() then 'has a password that is over' end
    ), '')
  end as problem
from wanted as w
full join (select * from pg_roles where rolname ~ '^wellvault_') as r on r.rolname = w.name

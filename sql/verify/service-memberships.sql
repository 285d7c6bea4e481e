-- Who is a member of the service's roles, and of what these are members. The migrating role may become the
-- owners; nobody else may, and a login has the rights of its group and of no other.
with wanted (role, member) as (
  values ('wellvault_catalog_reader', 'wellvault_owner'), ('wellvault_catalog_reader', 'wellvault_provisioner'),
    ('wellvault_catalog_reader', 'wellvault_guard'), ('wellvault_catalog_reader', 'wellvault_auditor')
  union all
  select 'wellvault_session', l.login from control.data_logins as l
),
other_logins as (
  select s.refobjid as login_oid
  from pg_shdepend as s
  where s.refclassid = 'pg_authid'::regclass and s.classid = 'pg_database'::regclass
    and s.objid <> (select d.oid from pg_database as d where d.datname = current_database())
),
found as (
  select r.rolname as role, g.rolname as member, m.admin_option, m.inherit_option, m.set_option, m.member as member_oid
  from pg_auth_members as m
  join pg_roles as r on r.oid = m.roleid
  join pg_roles as g on g.oid = m.member
  where r.rolname ~ '^wellvault_'
    -- Memberships in vaults have checks of their own, in this database's and in those of others.
    or g.rolname ~ '^wellvault_' and r.rolname !~ '^v_[0-9a-f]{16}$'
)
select null::text as tenant_id,
  format('membership of %s in %s', coalesce(f.member, w.member), coalesce(f.role, w.role)) as object,
  case
    when f.role is null then 'is missing'
    when f.member = expected.value ->> 'migrator' and f.role ~ '^wellvault_' then null
    -- A login of another database of the server, which may have more of them.
    when f.member ~ '^wellvault_app_[0-9]{2}$' and f.role = 'wellvault_session' and not f.admin_option
      and not f.set_option and exists (select from other_logins as o where o.login_oid = f.member_oid) then null
    -- People and monitors that need the catalogue are told as a note.
    when f.member !~ '^(wellvault_|v_[0-9a-f]{16}$)' and f.role = 'wellvault_catalog_reader' and not f.admin_option then null
    when w.role is null then format('is none of the service''s (admin %s, inherit %s, set %s)', f.admin_option,
      f.inherit_option, f.set_option)
    when f.admin_option or f.set_option or not f.inherit_option then format('has other options than it was given '
      '(admin %s, inherit %s, set %s)', f.admin_option, f.inherit_option, f.set_option)
  end as problem
from wanted as w
full join found as f on f.role = w.role and f.member = w.member
cross join expected

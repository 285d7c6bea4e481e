-- Roles that are members, by whatever way and with whatever options, of a superuser, of a role that bypasses row
-- level security or of the migrating role: they can become it, have its rights, or give it to somebody.
with recursive members (member, reached, roleid) as (
  select m.member, m.roleid, m.roleid
  from pg_auth_members as m
  cross join expected
  left join pg_roles as g on g.oid = m.roleid
  -- Whoever made the migrating role keeps the right to grant it, which is told as a note.
  where not (g.rolname = expected.value ->> 'migrator' and not g.rolsuper and m.grantor = 10
    and m.admin_option and not m.inherit_option and not m.set_option)
  union
  select s.member, m.roleid, s.roleid
  from members as s
  join pg_auth_members as m on m.member = s.reached
),
strong as (
  select r.oid, r.rolname,
    case when r.rolsuper then 'a superuser' when r.rolbypassrls then 'which bypasses row level security'
      else 'the migrating role' end as what
  from pg_roles as r
  cross join expected
  where r.rolsuper or r.rolbypassrls or r.rolname = expected.value ->> 'migrator'
)
select null::text as tenant_id, 'role ' || r.rolname as object,
  string_agg(distinct format('is a member of %s, %s', s.rolname, s.what), '; ') filter (where s.oid is not null) as problem
from pg_roles as r
cross join expected
left join members as m on m.member = r.oid
left join strong as s on s.oid = m.reached
-- The first superuser, and the migrating role itself, which can do all of it by what they are.
where r.oid <> 10 and r.rolname is distinct from expected.value ->> 'migrator'
group by r.rolname

-- What anybody but a vault's own role may do in the vault: nothing, and neither may PUBLIC. Columns have no
-- privileges of their own, and nobody may pass a privilege on.
select g.tenant_id, g.object,
  case
    when a.grantee is null then null
    when a.grantee = 0 then format('PUBLIC has %s on it', a.privilege_type)
    when a.grantee is distinct from g.role_oid then format('%s has %s on it', coalesce(r.rolname, a.grantee::text), a.privilege_type)
    when a.is_grantable then format('the vault''s role may pass on %s', a.privilege_type)
    when g.column_of then format('the vault''s role has %s on it alone', a.privilege_type)
  end as problem
from (
  select v.tenant_id, 'schema ' || v.vault as object, v.role_oid, v.schema_owner as owner, v.schema_acl as acl,
    false as column_of
  from vaults as v
  union all
  select t.tenant_id, format('relation %s.%s', t.vault, t.relname), t.role_oid, t.relowner, t.relacl, false
  from vault_tables as t
  union all
  select t.tenant_id, format('column %s.%s.%s', t.vault, t.relname, c.attname), t.role_oid, t.relowner, c.attacl, true
  from vault_tables as t
  join pg_attribute as c on c.attrelid = t.oid and c.attacl is not null
  union all
  -- Large values stand in a table of their own.
  select t.tenant_id, format('TOAST table of %s.%s', t.vault, t.relname), t.role_oid, o.relowner, o.relacl, true
  from vault_tables as t
  join pg_class as c on c.oid = t.oid
  join pg_class as o on o.oid = c.reltoastrelid
  union all
  select null, 'schema pg_toast', null, n.nspowner, n.nspacl, false
  from pg_namespace as n where n.nspname = 'pg_toast'
  union all
  select v.tenant_id, format('type %s.%s', v.vault, y.typname), v.role_oid, y.typowner, y.typacl, false
  from vaults as v
  join pg_type as y on y.typnamespace = v.schema_oid and y.typacl is not null
) as g
left join lateral aclexplode(g.acl) as a on a.grantee <> g.owner
left join pg_roles as r on r.oid = a.grantee

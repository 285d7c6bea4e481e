-- What was applied to the control plane, and what new vaults are made from, are the files of this version.
select null::text as tenant_id, format('%s migration %s', coalesce(w.folder, f.folder), coalesce(w.name, f.name)) as object,
  case
    when f.version is null then 'is not applied'
    when w.version is null then 'is not one of this version of the service'
    when f.checksum <> w.checksum or f.name <> w.name then 'is recorded as another one'
    when f.body_checksum <> w.checksum then 'its text was changed in the database'
  end as problem
from (
  select m.folder, m.version, m.name, m.checksum
  from expected
  cross join jsonb_to_recordset(expected.value -> 'migrations') as m (folder text, version integer, name text, checksum text)
) as w
full join (
  select 'control' as folder, c.version, c.name, c.checksum, c.checksum as body_checksum
  from control.control_migrations as c
  union all
  select 'tenant', t.version, t.name, t.checksum, encode(sha256(convert_to(t.body, 'UTF8')), 'hex')
  from control.tenant_migrations as t
) as f on f.folder = w.folder and f.version = w.version

-- Settings of the server that the walls rest on.
select null::text as tenant_id, 'setting ' || w.name as object,
  case when s.setting is distinct from w.setting then format('is %s and should be %s', coalesce(s.setting, 'unknown'), w.setting) end as problem
from (
  values ('row_security', 'on'), ('session_replication_role', 'origin'), ('allow_system_table_mods', 'off'),
    ('password_encryption', 'scram-sha-256'), ('ignore_checksum_failure', 'off'), ('zero_damaged_pages', 'off')
) as w (name, setting)
left join pg_settings as s on s.name = w.name

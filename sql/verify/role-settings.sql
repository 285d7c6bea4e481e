-- Settings that a role brings into a session before its first statement. A login has an empty search_path in
-- this database, the auditor's is read-only besides, a vault's role has none; and none that reach everybody
-- may change who a session is or what it sees.
select v.tenant_id, 'settings of role ' || coalesce(r.rolname, 'ALL') as object,
  case
    when r.rolname is null then (
      select 'sets ' || string_agg(split_part(c, '=', 1), ', ' order by c) || ' for everybody'
      from unnest(s.setconfig) as c
      where lower(split_part(c, '=', 1)) in ('role', 'session_authorization', 'search_path', 'row_security',
        'session_replication_role', 'session_preload_libraries', 'local_preload_libraries', 'wellvault.token',
        'check_function_bodies', 'allow_system_table_mods'))
    when v.vault is not null then 'sets ' || array_to_string(s.setconfig, ', ')
    else (
      select 'sets ' || string_agg(c, ', ' order by c)
      from unnest(s.setconfig) as c
      where s.setdatabase = 0
        or c not in ('search_path=""', 'search_path=')
          and not (r.rolname = 'wellvault_auditor' and c = 'default_transaction_read_only=on'))
  end as problem
from pg_db_role_setting as s
left join pg_roles as r on r.oid = s.setrole
left join vaults as v on v.role_oid = s.setrole
where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
  and (s.setrole = 0 or v.vault is not null or r.rolname ~ '^wellvault_')
union all
select null, 'settings of role ' || l.login,
  case when not exists (
    select from pg_db_role_setting as s
    join pg_roles as r on r.oid = s.setrole and r.rolname = l.login
    join pg_database as d on d.oid = s.setdatabase and d.datname = current_database()
    where 'search_path=""' = any (s.setconfig) or 'search_path=' = any (s.setconfig)
  ) then 'has no empty search_path in this database' end
from (
  select login from control.data_logins union all values ('wellvault_control'), ('wellvault_auditor')
) as l

-- The purge by the samples' key as sql/tenant/0007_samples_key.sql has it: a range for each kind and source.
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

-- Removes the next expired rows of a company, or counts them, and says after which employee to go on.
--
-- No role of a vault may delete a row, and none has to: this runs as the owner of the tables, says itself which
-- rows are expired, and tells nothing of them but how many they were. So whoever may call it can remove what the
-- company's settings say, and nothing else.
--
-- One call is one step: as many rows as it is told at most, of a hundred employees at most. It goes by the primary keys:
-- for each kind and source of an employee's samples one range, so it reads what it removes and little else.
create or replace function control.purge_expired(
  tenant text,
  after_employee integer,
  max_rows integer,
  dry_run boolean,
  out next_employee integer,
  out sample_count bigint,
  out log_entry_count bigint,
  out sample_start timestamptz,
  out log_start timestamptz
)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  vault name;
  person integer;
  found bigint;
  rows_left bigint := max_rows;
  kinds smallint[];
  starts timestamptz[];
  sources smallint[];
  -- A recursive look-up of the streams, each from the one before, for there are few of them among many rows.
  expired_samples text := 'with recursive streams as (
      (select s.kind, s.source_no from %1$I.samples as s where s.employee_no = $1 order by s.kind, s.source_no limit 1)
      union all
      select n.kind, n.source_no from streams
        cross join lateral (
          select s.kind, s.source_no from %1$I.samples as s
          where s.employee_no = $1 and (s.kind, s.source_no) > (streams.kind, streams.source_no)
          order by s.kind, s.source_no limit 1
        ) as n
    ),
    expired as (
      select old.kind, old.start_time, old.source_no from streams
        cross join lateral (
          select s.kind, s.start_time, s.source_no from %1$I.samples as s
          where s.employee_no = $1 and s.kind = streams.kind and s.source_no = streams.source_no and s.start_time < $2
          order by s.start_time limit $3
        ) as old
      limit $3
    )';
  expired_entries text := 'with expired as (
      select e.entry_id from %1$I.log_entries as e
      where e.employee_no = $1 and e.start_time < $2
      order by e.entry_id limit $3
    )';
begin
  if max_rows not between 1 and 100000 then
    raise exception 'a step is of 1 to 100000 rows' using errcode = 'invalid_parameter_value';
  end if;
  select c.vault, control.retention_start(c.sample_retention_months), control.retention_start(c.log_retention_months)
    into vault, sample_start, log_start
    from control.companies as c
    where c.tenant_id = tenant;
  if vault is null then
    return;
  end if;
  sample_count := 0;
  log_entry_count := 0;
  next_employee := after_employee;
  for looked in 1..100 loop
    execute format('select min(e.employee_no) from %I.employees as e where e.employee_no > $1', vault)
      into person using next_employee;
    if person is null then
      next_employee := null;
      return;
    end if;
    if dry_run then
      execute format(expired_samples || ' select count(*) from expired', vault)
        into found using person, sample_start, null::bigint;
      sample_count := sample_count + found;
      rows_left := rows_left - found;
      execute format(expired_entries || ' select count(*) from expired', vault)
        into found using person, log_start, null::bigint;
      log_entry_count := log_entry_count + found;
      rows_left := rows_left - found;
    else
      execute format(expired_samples || '
        select array_agg(l.kind), array_agg(l.start_time), array_agg(l.source_no)
        from (
          select s.kind, s.start_time, s.source_no
          from %1$I.samples as s
          join expired as e on s.kind = e.kind and s.start_time = e.start_time and s.source_no = e.source_no
          where s.employee_no = $1
          order by s.kind, s.start_time, s.source_no
          for update of s
        ) as l', vault)
        into kinds, starts, sources using person, sample_start, rows_left;
      perform control.settle_days(vault, person, kinds, starts, sources);
      execute format('delete from %1$I.samples as s
        using unnest($2, $3, $4) as e (kind, start_time, source_no)
        where s.employee_no = $1 and s.kind = e.kind and s.start_time = e.start_time and s.source_no = e.source_no', vault)
        using person, kinds, starts, sources;
      get diagnostics found = row_count;
      sample_count := sample_count + found;
      rows_left := rows_left - found;
      -- There may be more of this employee: the next step begins with the same one.
      if rows_left <= 0 then
        return;
      end if;
      execute format(expired_entries || ',
        gone as (
          delete from %1$I.log_entries as l using expired as e
          where l.employee_no = $1 and l.entry_id = e.entry_id
          returning l.entry_id
        )
        select count(*) from gone', vault)
        into found using person, log_start, rows_left;
      log_entry_count := log_entry_count + found;
      rows_left := rows_left - found;
      if rows_left <= 0 then
        return;
      end if;
    end if;
    next_employee := person;
    if rows_left <= 0 then
      return;
    end if;
  end loop;
end
$$;

reset role;
revoke create on schema control from wellvault_owner;

-- What removes raw data that is kept no longer. Days outlive the samples that they were computed from: before a purge
-- removes any sample of a day, it computes the day if it is stale, and marks it as one to be kept as it is.
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

-- The civil day of a sample: that of its start by its own offset, or of its end where the kind says so.
create function control.sample_day(start_time timestamptz, end_seconds integer, utc_offset_minutes smallint, by_end boolean)
  returns date
  language sql immutable parallel safe
as $$
  select date '1970-01-01' + floor((
    extract(epoch from start_time)::float8 + case when by_end then end_seconds else 0 end + utc_offset_minutes * 60
  ) / 86400)::integer
$$;
comment on function control.sample_day(timestamptz, integer, smallint, boolean) is 'The civil day that a sample belongs to.';
revoke all on function control.sample_day(timestamptz, integer, smallint, boolean) from public;

-- Computes the days of samples that are about to be purged where they are stale, and marks them as kept. A day without
-- samples is not kept: tombstones are all that is purged of it, and what is written for it later has to count.
--
-- The samples are locked by the caller: writers lock samples first and mark days afterwards, and so does a purge.
create function control.settle_days(
  vault name, person integer, kinds smallint[], starts timestamptz[], sources smallint[]
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  day_kinds smallint[];
  days date[];
  day_sources smallint[];
begin
  -- In the order in which writers mark days. A statement of its own, for what it waits for is seen by the next one only.
  execute format('select array_agg(l.kind), array_agg(l.civil_day), array_agg(l.source_no)
    from (
      select d.kind, d.civil_day, d.source_no
      from %1$I.sample_days as d
      where d.employee_no = $1 and d.state <> 2 and (d.kind, d.civil_day, d.source_no) in (
        select s.kind,
          control.sample_day(s.start_time, s.end_seconds, s.utc_offset_minutes, k.by_waking_day and not source.daily),
          s.source_no
        from unnest($2, $3, $4) as e (kind, start_time, source_no)
        join %1$I.samples as s
          on s.employee_no = $1 and s.kind = e.kind and s.start_time = e.start_time and s.source_no = e.source_no
        join %1$I.sample_sources as source on source.source_no = s.source_no
        left join control.metric_kinds as k on k.kind = s.kind
      )
      order by d.kind, d.civil_day, d.source_no
      for update
    ) as l', vault)
    into day_kinds, days, day_sources using person, kinds, starts, sources;
  if days is null then
    return;
  end if;
  execute format('update %1$I.sample_days as d
    set count = fresh.count, sum = fresh.sum, min = fresh.min, max = fresh.max, last = fresh.last,
      last_time = fresh.last_time
    from unnest($2, $3, $4) as t (kind, civil_day, source_no)
    join %1$I.sample_sources as source on source.source_no = t.source_no
    left join control.metric_kinds as k on k.kind = t.kind
    cross join lateral (
      select
        count(*)::integer as count,
        coalesce(sum(s.value), 0) as sum,
        coalesce(min(s.value), 0) as min,
        coalesce(max(s.value), 0) as max,
        coalesce((array_agg(s.value order by s.start_time desc))[1], 0) as last,
        coalesce(max(s.start_time), ''-infinity'') as last_time
      from %1$I.samples as s
      where s.employee_no = $1 and s.kind = t.kind and s.source_no = t.source_no and s.recording_method >= 0
        and s.start_time >= to_timestamp((
          (t.civil_day - date ''1970-01-01'') * 86400::bigint - case when k.by_waking_day then 62 else 14 end * 3600
        )::float8)
        and s.start_time < to_timestamp(((t.civil_day - date ''1970-01-01'') * 86400::bigint + 38 * 3600)::float8)
        and control.sample_day(s.start_time, s.end_seconds, s.utc_offset_minutes, k.by_waking_day and not source.daily)
          = t.civil_day
    ) as fresh
    where d.employee_no = $1 and d.kind = t.kind and d.civil_day = t.civil_day and d.source_no = t.source_no
      and d.state = 1', vault)
    using person, day_kinds, days, day_sources;
  execute format('update %1$I.sample_days as d
    set state = case when d.count > 0 then 2 else 0 end
    from unnest($2, $3, $4) as t (kind, civil_day, source_no)
    where d.employee_no = $1 and d.kind = t.kind and d.civil_day = t.civil_day and d.source_no = t.source_no', vault)
    using person, day_kinds, days, day_sources;
end
$$;
comment on function control.settle_days(name, integer, smallint[], timestamptz[], smallint[]) is
  'Computes the days of samples that are about to be purged, and marks them as kept. Called by control.purge_expired.';
revoke all on function control.settle_days(name, integer, smallint[], timestamptz[], smallint[]) from public;

-- Removes the next expired rows of a company, or counts them, and says after which employee to go on.
--
-- No role of a vault may delete a row, and none has to: this runs as the owner of the tables, says itself which
-- rows are expired, and tells nothing of them but how many they were. So whoever may call it can remove what the
-- company's settings say, and nothing else.
--
-- One call is one step: as many rows as it is told at most, of a hundred employees at most. It goes by the primary keys:
-- for each kind of an employee's samples one range, so it reads what it removes and little else.
create function control.purge_expired(
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
  -- A recursive look-up of the kinds, each from the one before, for there are few of them among many rows.
  expired_samples text := 'with recursive kinds as (
      (select s.kind from %1$I.samples as s where s.employee_no = $1 order by s.kind limit 1)
      union all
      select n.kind from kinds
        cross join lateral (
          select s.kind from %1$I.samples as s
          where s.employee_no = $1 and s.kind > kinds.kind
          order by s.kind limit 1
        ) as n
    ),
    expired as (
      select old.kind, old.start_time, old.source_no from kinds
        cross join lateral (
          select s.kind, s.start_time, s.source_no from %1$I.samples as s
          where s.employee_no = $1 and s.kind = kinds.kind and s.start_time < $2
          order by s.start_time, s.source_no limit $3
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
comment on function control.purge_expired(text, integer, integer, boolean) is
  'Removes the next rows of a company that are older than it keeps them, or counts them. Nothing for a tenant that there is not.';
revoke all on function control.purge_expired(text, integer, integer, boolean) from public;
grant execute on function control.purge_expired(text, integer, integer, boolean) to wellvault_control;

reset role;
revoke create on schema control from wellvault_owner;

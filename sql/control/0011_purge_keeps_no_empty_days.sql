-- A purge keeps what the samples of a day came to, where they came to something.
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

-- As it was, but that a day without samples is not kept: tombstones are all that is purged of it, and what is written
-- for it later has to count. And it reads the nights before a day only for kinds whose samples are nights.
create or replace function control.settle_days(
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

reset role;
revoke create on schema control from wellvault_owner;

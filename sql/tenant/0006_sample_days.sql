-- What an employee's samples of a kind and a source come to on a civil day, so that a question about a year reads
-- days and not samples. Whoever writes a sample marks its day as stale in the same transaction, and whoever asks
-- has the stale days computed anew from the samples. Nothing is ever added to a day, so corrections, deletions and
-- repetitions cannot spoil it.
--
-- A day that has no samples left stays, with a count of 0. There is no foreign key: a day is made only beside
-- samples, which have theirs, and checking it again would cost every batch.
create table sample_days (
  sum double precision not null default 0,
  min double precision not null default 0,
  max double precision not null default 0,
  last double precision not null default 0,
  last_time timestamptz not null default '-infinity',
  company_id uuid not null default '$company',
  employee_no integer not null,
  civil_day date not null,
  count integer not null default 0,
  kind smallint not null,
  source_no smallint not null,
  state smallint not null default 1,
  constraint sample_days_pkey primary key (employee_no, kind, civil_day, source_no),
  constraint sample_days_state_check check (state in (0, 1, 2)),
  constraint sample_days_count_check check (count >= 0),
  constraint sample_days_company_id_check check (company_id = '$company')
);
comment on table sample_days is 'What the samples of a civil day come to, for each employee, kind and source. Computed from samples, never added to.';
comment on column sample_days.state is '0: as the samples are. 1: stale, to be computed anew. 2: kept as it is, for samples of the day were purged.';
comment on column sample_days.last is 'The value of the sample that starts last, at last_time.';

-- The samples that are there already. Kinds 9 and 10 (sleep) belong to the day on which they end.
insert into sample_days (employee_no, kind, civil_day, source_no)
select distinct
  sample.employee_no,
  sample.kind,
  date '1970-01-01' + floor((
    date_part('epoch'::text, sample.start_time)
    + case when sample.kind in (9, 10) and not source.daily then sample.end_seconds else 0 end
    + sample.utc_offset_minutes * 60
  ) / 86400)::integer,
  sample.source_no
from samples as sample
join sample_sources as source on source.source_no = sample.source_no;

-- A deleted sample stays as a tombstone, so that a late repetition of its version does not bring it back. The
-- method says so, for a column more would widen every row.
comment on column samples.recording_method is 'The number of wellvault.v1.RecordingMethod; -1 for a sample that was deleted, whose value is 0.';

grant select, insert, update on sample_days to "$vault";

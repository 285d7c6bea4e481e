-- A source's daily values and its intraday samples are two streams with a number each, so the
-- samples' key needs no fifth column to keep them apart.
create table sample_sources (
  source_no smallint not null,
  slug text not null,
  daily boolean not null,
  constraint sample_sources_pkey primary key (source_no),
  constraint sample_sources_slug_daily_key unique (slug, daily),
  constraint sample_sources_slug_check check (length(slug) between 1 and 63)
);
comment on table sample_sources is 'What recorded samples, numbered; apart for daily and intraday values.';

-- The columns stand by descending width, so that a row has no padding.
create table samples (
  start_time timestamptz not null,
  value double precision not null,
  record_time timestamptz not null default now(),
  version bigint not null,
  employee_no integer not null,
  end_seconds integer not null,
  kind smallint not null,
  source_no smallint not null,
  utc_offset_minutes smallint not null,
  recording_method smallint not null,
  constraint samples_pkey primary key (employee_no, kind, start_time, source_no),
  constraint samples_employee_no_fkey foreign key (employee_no) references employees (employee_no),
  constraint samples_source_no_fkey foreign key (source_no) references sample_sources (source_no),
  constraint samples_value_check check (value > '-Infinity' and value < 'Infinity'),
  constraint samples_version_check check (version >= 1),
  constraint samples_end_seconds_check check (end_seconds between 0 and 172800),
  constraint samples_utc_offset_minutes_check check (utc_offset_minutes between -840 and 840)
);
comment on table samples is 'Metric samples under their natural key: employee, kind, start, source (with daily or not).';
comment on column samples.end_seconds is 'Seconds from start_time to the end; 0 for an instant and for a day without an end.';
comment on column samples.kind is 'The number of the kind in the service''s catalogue of metric kinds.';
comment on column samples.recording_method is 'The number of wellvault.v1.RecordingMethod.';

grant select, insert on sample_sources to "$vault";
grant select, insert, update on samples to "$vault";

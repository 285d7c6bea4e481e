-- The tables of a vault for all tenants at once: every key begins with the tenant.
create table employees (
  tenant_id text not null,
  employee_no integer not null,
  employee_id uuid not null,
  external_id text not null,
  delete_time timestamptz,
  constraint employees_pkey primary key (tenant_id, employee_no),
  constraint employees_employee_id_key unique (tenant_id, employee_id)
);

create table log_entries (
  tenant_id text not null,
  employee_no integer not null,
  entry_id text collate "C" not null,
  type smallint not null,
  start_time timestamptz not null,
  end_time timestamptz,
  utc_offset_minutes smallint not null,
  source text not null,
  version bigint not null,
  note text not null default '',
  detail jsonb not null,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  delete_time timestamptz,
  constraint log_entries_pkey primary key (tenant_id, employee_no, entry_id),
  constraint log_entries_employee_no_fkey foreign key (tenant_id, employee_no)
    references employees (tenant_id, employee_no),
  constraint log_entries_entry_id_check check (length(entry_id) between 1 and 64),
  constraint log_entries_type_check check (type > 0),
  constraint log_entries_end_time_check check (end_time > start_time),
  constraint log_entries_utc_offset_minutes_check check (utc_offset_minutes between -840 and 840),
  constraint log_entries_version_check check (version >= 1),
  constraint log_entries_note_check check (length(note) <= 4000)
);
create index log_entries_start_time_idx on log_entries (tenant_id, employee_no, start_time desc, entry_id desc)
  where delete_time is null;

create table sample_sources (
  tenant_id text not null,
  source_no smallint not null,
  slug text not null,
  daily boolean not null,
  constraint sample_sources_pkey primary key (tenant_id, source_no),
  constraint sample_sources_slug_daily_key unique (tenant_id, slug, daily)
);

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
  tenant_id text not null,
  constraint samples_pkey primary key (tenant_id, employee_no, kind, source_no, start_time),
  constraint samples_employee_no_fkey foreign key (tenant_id, employee_no) references employees (tenant_id, employee_no),
  constraint samples_source_no_fkey foreign key (tenant_id, source_no) references sample_sources (tenant_id, source_no),
  constraint samples_value_check check (value > '-Infinity' and value < 'Infinity'),
  constraint samples_version_check check (version >= 1),
  constraint samples_end_seconds_check check (end_seconds between 0 and 172800),
  constraint samples_utc_offset_minutes_check check (utc_offset_minutes between -840 and 840)
);

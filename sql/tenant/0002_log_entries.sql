create table log_entries (
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
  constraint log_entries_pkey primary key (employee_no, entry_id),
  constraint log_entries_employee_no_fkey foreign key (employee_no) references employees (employee_no),
  constraint log_entries_entry_id_check check (length(entry_id) between 1 and 64),
  constraint log_entries_type_check check (type > 0),
  constraint log_entries_end_time_check check (end_time > start_time),
  constraint log_entries_utc_offset_minutes_check check (utc_offset_minutes between -840 and 840),
  constraint log_entries_version_check check (version >= 1),
  constraint log_entries_note_check check (length(note) <= 4000)
);
create index log_entries_start_time_idx on log_entries (employee_no, start_time desc, entry_id desc)
  where delete_time is null;
comment on table log_entries is 'The employees'' log. A deleted entry stays as a tombstone so that a late repetition does not bring it back.';
comment on column log_entries.type is 'The number of wellvault.v1.LogEntryType.';
comment on column log_entries.detail is 'The message of LogEntry.detail in Protobuf''s JSON form.';

grant select, insert, update on log_entries to "$vault";

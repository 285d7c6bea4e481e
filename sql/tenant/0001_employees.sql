-- Small numbers of a vault are allotted from here, under the row's lock: an identity column would
-- be quicker but is not taken by distributed engines.
create table counters (
  name text not null,
  last_value integer not null default 0,
  constraint counters_pkey primary key (name)
);
comment on table counters is 'The last number given out, or the present count, by what is numbered or counted.';

insert into counters (name) values ('employee'), ('active_employee'), ('sample_source');

create table employees (
  employee_no integer not null,
  employee_id uuid not null,
  external_id text not null,
  display_name text not null default '',
  team text not null default '',
  location text not null default '',
  time_zone text not null default '',
  request_id uuid,
  request_digest text,
  revision integer not null default 1,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  delete_time timestamptz,
  constraint employees_pkey primary key (employee_no),
  constraint employees_employee_id_key unique (employee_id),
  constraint employees_request_id_key unique (request_id),
  constraint employees_external_id_check check (length(external_id) between 1 and 128),
  constraint employees_display_name_check check (length(display_name) <= 200),
  constraint employees_team_check check (length(team) <= 200),
  constraint employees_location_check check (length(location) <= 200),
  constraint employees_time_zone_check check (length(time_zone) <= 64)
);
create unique index employees_external_id_key on employees (external_id) where delete_time is null;
comment on table employees is 'The roster. employee_no is the key inside the vault, employee_id the one that callers see.';
comment on column employees.request_digest is 'What the request that made the employee asked for; a repetition must ask for the same.';
comment on column employees.revision is 'Counts the changes; the API''s etag is made from it.';

grant select, update on counters to "$vault";
grant select, insert, update on employees to "$vault";

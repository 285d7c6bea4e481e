-- How long a company's raw data is kept.
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

alter table control.companies
  add column sample_retention_months smallint not null default 25,
  add column log_retention_months smallint not null default 84,
  add constraint companies_sample_retention_months_check check (sample_retention_months between 1 and 1200),
  add constraint companies_log_retention_months_check check (log_retention_months between 1 and 1200);
comment on column control.companies.sample_retention_months is 'For how many months after its start a metric sample is kept.';
comment on column control.companies.log_retention_months is 'For how many months after its start a log entry is kept.';

grant update (sample_retention_months, log_retention_months, update_time) on control.companies to wellvault_control;

-- The start of the first day, in UTC, that is kept.
create function control.retention_start(months smallint) returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select (date_trunc('day', now() at time zone 'UTC') - make_interval(months => months)) at time zone 'UTC'
$$;
revoke all on function control.retention_start(smallint) from public;

reset role;
revoke create on schema control from wellvault_owner;

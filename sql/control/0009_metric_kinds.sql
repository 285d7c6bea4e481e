-- The catalogue of metric kinds, for whoever reads or computes in SQL. It is loaded from the service's own list,
-- the one that MetricService.ListMetricKinds returns, whenever the database is migrated.
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

create table control.metric_kinds (
  kind smallint not null,
  slug text not null,
  display_name text not null,
  unit text not null,
  minimum double precision not null,
  maximum double precision not null,
  aggregation text not null,
  shapes text[] not null,
  loinc_code text not null,
  sensitive boolean not null,
  by_waking_day boolean not null,
  constraint metric_kinds_pkey primary key (kind),
  constraint metric_kinds_slug_key unique (slug),
  constraint metric_kinds_aggregation_check check (aggregation in ('sum', 'mean', 'last')),
  constraint metric_kinds_bounds_check check (minimum < maximum)
);
comment on table control.metric_kinds is 'The kinds of metric samples. Loaded from the service at each migration; changes made here are undone by the next.';
comment on column control.metric_kinds.kind is 'The number under which samples are stored.';
comment on column control.metric_kinds.unit is 'The unit of every value of the kind, as a UCUM code.';
comment on column control.metric_kinds.shapes is 'The shapes of time that a sample may have: instant, interval, day.';
comment on column control.metric_kinds.by_waking_day is 'Whether a sample belongs to the civil day on which it ends, as sleep does.';

grant select on control.metric_kinds to wellvault_control, wellvault_auditor;
grant select, insert, update on control.metric_kinds to session_user;

reset role;
revoke create on schema control from wellvault_owner;

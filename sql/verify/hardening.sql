-- What sql/hardening-targets.sql would still take from PUBLIC, as one finding: without the hardening it is
-- hundreds of objects.
select null::text as tenant_id, 'PUBLIC' as object,
  case when count(*) > 0 then format('may use %s of PostgreSQL''s own functions, tables, columns and languages that '
    'sql/hardening-targets.sql takes from it, such as %s', count(*), min(t.object)) end as problem
from hardening_targets as t

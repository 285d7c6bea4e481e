-- The tables, columns, constraints and indexes of every vault are those of the migrations, so every vault at
-- the newest version is the same.
with lines as materialized (select * from vault_lines where part <> 'grant'),
wanted as materialized (
  select p.key as part, l.line
  from expected
  cross join jsonb_each(expected.value -> 'vault') as p
  cross join jsonb_array_elements_text(p.value) as l (line)
  where p.key <> 'grant'
),
compared as materialized (
  select l.tenant_id, l.part, l.line, w.line is not null as known
  from lines as l
  left join wanted as w on w.part = l.part and w.line = l.line
  where l.schema_version = (select (expected.value ->> 'tenantVersion')::integer from expected)
),
-- Only a vault that lacks a line is looked through for which.
incomplete as (
  select v.tenant_id, v.vault
  from vaults as v
  left join compared as c on c.tenant_id = v.tenant_id and c.known
  where v.schema_version = (select (expected.value ->> 'tenantVersion')::integer from expected)
  group by v.tenant_id, v.vault
  having count(c.line) < (select count(*) from wanted)
)
select c.tenant_id, c.part || ' ' || c.line as object,
  case when not c.known then 'is not what the migrations make' end as problem
from compared as c
union all
select i.tenant_id, w.part || ' ' || w.line, 'is missing from the vault'
from incomplete as i
cross join wanted as w
where not exists (
  select from compared as c where c.tenant_id = i.tenant_id and c.part = w.part and c.line = w.line
)

-- What a vault's role may do in its vault: in each table what the migrations gave, and no more.
with lines as (select * from vault_lines where part = 'grant'),
wanted as (select jsonb_array_elements_text(expected.value -> 'vault' -> 'grant') as line from expected)
select v.tenant_id, w.line as object, case when l.line is null then 'is missing' end as problem
from vaults as v
cross join wanted as w
cross join expected
left join lines as l on l.tenant_id = v.tenant_id and l.line = w.line
where v.schema_version = (expected.value ->> 'tenantVersion')::integer
union all
select l.tenant_id, l.line, 'is more than the migrations gave'
from lines as l
cross join expected
where l.schema_version = (expected.value ->> 'tenantVersion')::integer
  and l.line not in (select line from wanted)

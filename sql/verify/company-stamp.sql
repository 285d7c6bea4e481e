-- Every table of every vault takes rows of its own company only, by a check that is validated; one that is not
-- enforced is not validated either.
select t.tenant_id, format('table %s.%s', t.vault, t.relname) as object,
  case
    when count(o.oid) = 0 then 'has no check of the company'
    when not bool_or(o.convalidated) then 'its check of the company is not validated'
    -- Until 18 PostgreSQL keeps no constraint of it, and it is validated when it is there.
    when exists (
      select from pg_constraint as n
      where n.conrelid = t.oid and n.contype = 'n' and not n.convalidated and n.conkey = array[min(a.attnum)]
    ) then 'that its column company_id is not null is not validated'
    when not bool_or(a.attnotnull) then 'its column company_id may be null'
  end as problem
from vault_tables as t
left join (
  expressions as e join pg_constraint as o on e.catalogue = 'constraint' and e.oid = o.oid
    and e.text = '(company_id = ''$company''::uuid)'
) on o.conrelid = t.oid
left join pg_attribute as a on a.attrelid = t.oid and a.attname = 'company_id'
group by t.tenant_id, t.vault, t.relname, t.oid

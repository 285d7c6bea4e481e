-- The tables of the schemas control and guard, with their columns, triggers, owners and rights, are those of
-- the migrations.
with wanted as (
  select f.line from expected cross join jsonb_array_elements_text(expected.value -> 'control') as f (line)
)
select null::text as tenant_id, coalesce(l.line, w.line) as object,
  case
    when l.line is null then 'is missing, or not as here'
    when w.line is null then 'is not what the migrations make'
  end as problem
from control_lines as l
full join wanted as w on w.line = l.line

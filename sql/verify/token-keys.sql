-- The keys that tenant tokens may be signed with: the one of this configuration, and for thirty days at most
-- a second one while keys are being changed.
select null::text as tenant_id, 'key ' || k.key_id as object,
  case
    when k.number > 2 then 'is one of more than two'
    when k.total > 1 and k.newest < now() - interval '30 days' then 'a change of keys began more than thirty days ago'
  end as problem
from (
  select k.key_id, row_number() over (order by k.create_time desc, k.key_id) as number, count(*) over () as total,
    max(k.create_time) over () as newest
  from guard.keys as k
) as k
union all
select null, 'key ' || (expected.value ->> 'keyId'),
  case when not exists (select from guard.keys as k where k.key_id = expected.value ->> 'keyId') then
    'is the one of this configuration, and the database does not know it' end
from expected
where expected.value ->> 'keyId' is not null

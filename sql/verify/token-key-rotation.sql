-- Keys other than the one that this configuration signs with.
select null::text as tenant_id, 'key ' || k.key_id as object,
  case when k.key_id is distinct from expected.value ->> 'keyId' then
    format('is in use since %s besides the one of this configuration', to_char(k.create_time at time zone 'UTC', 'YYYY-MM-DD')) end as problem
from guard.keys as k
cross join expected
where expected.value ->> 'keyId' is not null

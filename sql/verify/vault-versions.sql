-- Every vault has all tenant migrations of this version of the service, and none of a newer one.
select v.tenant_id, 'vault ' || v.vault as object,
  case
    when v.schema_version < (expected.value ->> 'tenantVersion')::integer then
      format('is at version %s of %s', v.schema_version, expected.value ->> 'tenantVersion')
    when v.schema_version > (expected.value ->> 'tenantVersion')::integer then
      format('is at version %s, ahead of %s', v.schema_version, expected.value ->> 'tenantVersion')
  end as problem
from vaults as v
cross join expected

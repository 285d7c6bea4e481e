-- PostgreSQL's own functions are those that it came with: none runs with its owner's rights or in another language,
-- and all together have the sum of a fresh server of this version.
select null::text as tenant_id, 'function ' || b.signature as object,
  nullif(concat_ws(', ',
    case when b.prosecdef then 'runs with its owner''s rights' end,
    case when b.proowner <> 10 then 'belongs to ' || coalesce(r.rolname, '?') end,
    case when b.lanname not in ('internal', 'c', 'sql') then 'is written in ' || b.lanname end,
    case when b.proconfig is not null then 'brings settings' end
  ), '') as problem
from builtin_functions as b
left join pg_roles as r on r.oid = b.proowner
union all
select null, 'functions of PostgreSQL',
  case when k.sum <> s.sum then 'are not those of a fresh server of version ' || current_setting('server_version') end
from builtin_sum as s
cross join expected
left join lateral (select expected.value -> 'builtinFunctions' ->> s.version as sum) as k on true

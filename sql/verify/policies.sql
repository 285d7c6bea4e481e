-- Every table of every vault has one policy, tenant_token: for every command and every role, it shows and
-- takes rows for a valid token of the table's own company and for no other.
with texts as (
  select p.oid, p.polrelid,
    p.polname = 'tenant_token' and p.polpermissive and p.polcmd = '*' and p.polroles = '{0}' as usual,
    q.text = w.policy and c.text = w.policy as right_texts, q.text as shows, p.polname
  from pg_policy as p
  cross join (select expected.value ->> 'policy' as policy from expected) as w
  left join expressions as q on q.catalogue = 'policy' and q.oid = p.oid and q.item = 1
  left join expressions as c on c.catalogue = 'policy' and c.oid = p.oid and c.item = 2
)
select t.tenant_id, format('table %s.%s', t.vault, t.relname) as object,
  case
    when count(x.oid) = 0 then 'has no policy'
    when count(x.oid) > 1 then 'has more policies than one: ' || string_agg(x.polname, ', ' order by x.polname)
    when not bool_and(x.usual) then 'its policy is not the one for every command and every role'
    when bool_and(x.right_texts) is not true then
      'its policy asks for something else than the company''s token: ' || min(x.shows)
  end as problem
from vault_tables as t
left join texts as x on x.polrelid = t.oid
group by t.tenant_id, t.vault, t.relname

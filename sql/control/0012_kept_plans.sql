-- Plans may be kept. Until here a policy compared the transaction's start with the one in which a statement was planned, so
-- a plan was good in its own transaction only, and planning is more than half of what the service's statements cost.
-- Now a policy asks twice: while a statement is planned, as before, and again whenever its plan runs.

set local role wellvault_guard;

-- What a policy asks while a statement runs, once for each table that it names. It looks at the same note as guard.ok,
-- which asks while the statement is planned, and fails in the same way. It is not for parallel workers, which have no
-- notes.
create function guard.is_admitted(company uuid) returns boolean
  language plpgsql stable parallel restricted security definer
as $$
begin
  return case
    when coalesce(pg_catalog.current_setting('wellvault.company', true), '') operator(pg_catalog.=) company::pg_catalog.text
      and pg_catalog.currval('guard.admission') operator(pg_catalog.=) pg_catalog.uuid_hash_extended(
        company,
        (pg_catalog.date_part('epoch', pg_catalog.now()) operator(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8
      )
    then true
    else guard.ok_by_token(company) is not null
  end;
end
$$;
comment on function guard.is_admitted(uuid) is
  'What the policy of a vault''s table asks while a statement runs: true, or it fails with WV001 without a valid token.';
revoke all on function guard.is_admitted(uuid) from public;
grant execute on function guard.is_admitted(uuid) to public;

comment on function guard.ok(uuid) is
  'What the policy of a vault''s table asks while a statement is planned. Fails with WV001 without a valid token.';

reset role;
grant create on schema control to wellvault_owner;
set local role wellvault_owner;

-- The text of every vault's policy. Asked alone, the second question would be a filter behind the table's index: how a scan
-- goes would tell of rows that are never shown. So the first, which the planner answers, stays in front of it.
--
-- The second is a subquery, so that it is answered once for each table of a statement and not for each row. It says that
-- the answer is neither false nor null; as it stands, the planner would expect half of the rows to be shown, and
-- written so it expects nearly all.
create or replace function control.policy_expression(company uuid) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select format(
    '((guard.ok(%1$L::uuid) is not null) and (nullif((select guard.is_admitted(%1$L::uuid)), false) is not null))',
    company
  )
$$;

-- Walls in what the migrations of a vault made: row level security on every table with the policy as it is by now, and
-- an error when a migration made something that cannot be walled in.
create or replace function control.wall_in(vault name, company uuid) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  relation record;
  expression text := control.policy_expression(company);
begin
  for relation in
    select c.oid, c.relname, c.relkind, c.relrowsecurity,
      exists (select from pg_policy as p where p.polrelid = c.oid and p.polname = 'tenant_token') as has_policy,
      exists (
        select from pg_constraint as o
        where o.conrelid = c.oid and o.contype = 'c'
          and pg_get_constraintdef(o.oid) = format('CHECK ((company_id = %L::uuid))', company)
      ) as has_stamp
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = vault and c.relkind not in ('i', 'I', 't')
    order by c.relname
  loop
    if relation.relkind not in ('r', 'p') then
      raise exception 'a vault may hold tables and their indexes only, and % is neither', relation.relname
        using hint = 'A view runs with its owner''s rights, around the policies of the tables below it.';
    end if;
    if not relation.has_stamp then
      raise exception 'table % has no company stamp', relation.relname
        using hint = 'Give it: company_id uuid not null default ''$company'', '
          'and a constraint: check (company_id = ''$company'').';
    end if;
    -- What is there may be of an earlier version.
    execute format('%s policy tenant_token on %I.%I using (%s) with check (%s)',
      case when relation.has_policy then 'alter' else 'create' end,
      vault, relation.relname, expression, expression);
    if not relation.relrowsecurity then
      execute format('alter table %I.%I enable row level security', vault, relation.relname);
    end if;
  end loop;
end
$$;

reset role;
revoke create on schema control from wellvault_owner;

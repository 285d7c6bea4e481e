-- A company is provisioned, and a vault migrated, in the same time however many vaults there are. pg_class has no index by
-- schema, so until here the wall read all of it for each vault: every table and index of every company.

grant create on schema control to wellvault_owner;
set local role wellvault_owner;

-- Walls in what the migrations of a vault made: row level security on every table with the policy as it is by now, and
-- an error when a migration made something that cannot be walled in. What a schema holds is found by what depends on it.
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
    from pg_namespace as n
    join pg_depend as d
      on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid and d.classid = 'pg_class'::regclass
    join pg_class as c on c.oid = d.objid
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

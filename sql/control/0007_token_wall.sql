-- The token wall: the rows of a vault are shown only to a transaction that carries a signed, expiring
-- token for that company. The service signs; the database checks. So a statement that becomes another
-- vault's role, however it came to run, finds nothing there.

create schema guard authorization wellvault_guard;

set local role wellvault_guard;

grant usage on schema guard to public;

-- The keys that tokens may be signed with: one, and a second while keys are being changed.
create table guard.keys (
  key_id text not null,
  inner_pad bytea not null,
  outer_pad bytea not null,
  create_time timestamptz not null default now(),
  constraint keys_pkey primary key (key_id),
  constraint keys_key_id_check check (key_id ~ '^[0-9a-f]{16}$'),
  constraint keys_inner_pad_check check (length(inner_pad) = 64),
  constraint keys_outer_pad_check check (length(outer_pad) = 64)
);
comment on table guard.keys is 'The keys of the tenant tokens, as the two blocks that HMAC-SHA-256 (RFC 2104) makes of a key.';
revoke all on table guard.keys from public;

-- Whether a mac is HMAC-SHA-256 under the key over the company's 16 bytes and the eight of the expiry, in
-- seconds since 1970, and the expiry is still ahead. Null or false when not.
--
-- Here and in the functions that every transaction calls, names and operators are qualified, for to set a
-- search_path costs more than to compare; and there is one statement or expression in each, because PL/pgSQL
-- prepares each one anew in every transaction, which is most of what it costs.
create function guard.is_signed(company uuid, key_id text, expiry bigint, mac bytea) returns boolean
  language plpgsql stable parallel safe security definer
as $$
declare
  signed pg_catalog.bool;
begin
  select
    mac operator(pg_catalog.=) pg_catalog.sha256(k.outer_pad operator(pg_catalog.||) pg_catalog.sha256(
      k.inner_pad operator(pg_catalog.||) pg_catalog.uuid_send(company) operator(pg_catalog.||) pg_catalog.int8send(expiry)
    ))
    and expiry::pg_catalog.float8 operator(pg_catalog.>) pg_catalog.date_part('epoch', pg_catalog.statement_timestamp())
    into signed
    from guard.keys as k
    where k.key_id operator(pg_catalog.=) is_signed.key_id;
  return signed;
end
$$;
comment on function guard.is_signed(uuid, text, bigint, bytea) is 'Whether the parts of a tenant token are good for the company.';
revoke all on function guard.is_signed(uuid, text, bigint, bytea) from public;

-- Whether the setting wellvault.token has a token for the company: `<key id>.<expiry>.<mac>`, the mac in
-- hexadecimal. Every way to be wrong is the same false and never an error.
create function guard.token_is_for(company uuid) returns boolean
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  token text := current_setting('wellvault.token', true);
begin
  if token ~ '^[0-9a-f]{16}\.[0-9]{10}\.[0-9a-f]{64}$' then
    return guard.is_signed(company, left(token, 16), substr(token, 18, 10)::bigint, decode(right(token, 64), 'hex')) is true;
  end if;
  return false;
end
$$;
comment on function guard.token_is_for(uuid) is 'Whether the transaction carries a valid tenant token for the company.';
revoke all on function guard.token_is_for(uuid) from public;

-- What guard.admit found last in a session: currval is a session's own, and nobody but the functions here may
-- set it, so it is a note that no statement can forge. It says for which company, and in the transaction of
-- which instant. Unlogged, so that a note is no write-ahead log and takes no transaction id.
create unlogged sequence guard.admission minvalue -9223372036854775808;
comment on sequence guard.admission is 'Session note of guard.admit: a hash of the company and the transaction that it admitted.';
revoke all on sequence guard.admission from public;

-- Says that a token was refused.
create function guard.refuse() returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the tenant token was refused'
    using errcode = 'WV001', hint = 'Compare the clocks, and look whether guard.keys has the key of the service.';
end
$$;
comment on function guard.refuse() is 'Fails with WV001.';
revoke all on function guard.refuse() from public;

-- What guard.ok does in a transaction that guard.admit did not note.
--
-- A refusal is written to the server's log even if the error is caught: it means a defect or an attack.
create function guard.ok_by_token(company uuid) returns timestamptz
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if guard.token_is_for(company) then
    return now();
  end if;
  raise log 'wellvault: a statement without a valid tenant token was refused'
    using errcode = 'WV001';
  perform guard.refuse();
end
$$;
comment on function guard.ok_by_token(uuid) is
  'The start of the transaction. Fails with WV001 unless the setting wellvault.token has a valid token for the company.';
revoke all on function guard.ok_by_token(uuid) from public;

-- What a policy asks. It is declared immutable, which it is not, so that PostgreSQL asks it while it plans a
-- statement: a statement without a token ends before any plan of it is made. Asked while the statement runs,
-- a scan would go through the table's indexes first, and how it goes (EXPLAIN ANALYZE counts rows) would tell
-- of rows that are never shown.
--
-- It returns the time at which the transaction began, for the policy to compare with now(). So a plan that is
-- kept, for a prepared statement, shows no rows in any other transaction.
--
-- It is called for each table that a statement names, some times over for a write.
create function guard.ok(company uuid) returns timestamptz
  language plpgsql immutable parallel safe security definer
as $$
begin
  -- Anybody may set the setting; it only spares a session that was never admitted an error of currval.
  return case
    when coalesce(pg_catalog.current_setting('wellvault.company', true), '') operator(pg_catalog.=) company::pg_catalog.text
      and pg_catalog.currval('guard.admission') operator(pg_catalog.=) pg_catalog.uuid_hash_extended(
        company,
        (pg_catalog.date_part('epoch', pg_catalog.now()) operator(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8
      )
    then pg_catalog.now()
    else guard.ok_by_token(company)
  end;
end
$$;
comment on function guard.ok(uuid) is
  'What the policy of a vault''s table compares with now(): the start of the transaction. Fails with WV001 without a valid token.';
revoke all on function guard.ok(uuid) from public;
grant execute on function guard.ok(uuid) to public;

-- What the service asks when it pins a transaction. Fails with WV001 unless the parts are those of a valid token
-- for the company, and notes that they are, so that the signature is checked once and not again for every table
-- that a statement names. A transaction that may not write cannot note it; there the setting wellvault.token is
-- checked each time.
create function guard.admit(company uuid, key_id text, expiry bigint, mac bytea) returns text
  language plpgsql volatile security definer
as $$
begin
  return case
    when guard.is_signed(company, key_id, expiry, mac) is not true then guard.refuse()
    when pg_catalog.current_setting('transaction_read_only') operator(pg_catalog.=) 'on' then ''
    when pg_catalog.setval(
      'guard.admission',
      pg_catalog.uuid_hash_extended(
        company,
        (pg_catalog.date_part('epoch', pg_catalog.now()) operator(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8
      )
    ) is not null then company::pg_catalog.text
  end;
end
$$;
comment on function guard.admit(uuid, text, bigint, bytea) is
  'Fails with WV001 unless the parts are those of a valid tenant token for the company.';
revoke all on function guard.admit(uuid, text, bigint, bytea) from public;
grant execute on function guard.admit(uuid, text, bigint, bytea) to wellvault_session;

-- Puts a key into use. A key that is there already stays as it is.
create function guard.install_key(key_id text, secret bytea) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  block bytea := secret || decode(repeat('00', 64 - length(secret)), 'hex');
  inner_block bytea := block;
  outer_block bytea := block;
begin
  if length(secret) < 32 then
    raise exception 'a key has 32 to 64 bytes' using errcode = 'invalid_parameter_value';
  end if;
  for position in 0..63 loop
    inner_block := set_byte(inner_block, position, get_byte(block, position) # 54);
    outer_block := set_byte(outer_block, position, get_byte(block, position) # 92);
  end loop;
  insert into guard.keys (key_id, inner_pad, outer_pad)
    values (install_key.key_id, inner_block, outer_block)
    on conflict do nothing;
  if not found then
    return false;
  end if;
  -- With the table's true size known, a check reads its one page and no index: half the time of a check.
  analyze guard.keys;
  return true;
end
$$;
comment on function guard.install_key(text, bytea) is 'Lets tokens be signed with a key. Returns whether it is new.';
revoke all on function guard.install_key(text, bytea) from public;

-- Ends the use of every key but one.
create function guard.retire_keys(keep text) returns integer
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  retired integer;
begin
  if not exists (select from guard.keys as k where k.key_id = keep) then
    raise exception 'there is no such key' using errcode = 'no_data_found';
  end if;
  delete from guard.keys as k where k.key_id <> keep;
  get diagnostics retired = row_count;
  return retired;
end
$$;
comment on function guard.retire_keys(text) is 'Ends the use of every key but the one given; tokens signed with the others are refused from then on.';
revoke all on function guard.retire_keys(text) from public;

grant execute on function guard.install_key(text, bytea), guard.retire_keys(text) to session_user;
-- Which keys there are, and since when; never what they are.
grant select (key_id) on guard.keys to wellvault_control;
grant select (key_id, create_time) on guard.keys to wellvault_auditor;
grant select (key_id, create_time) on guard.keys to session_user;

set local role wellvault_owner;

-- The text of every vault's policy. It stands here alone, so that a placement of another kind can have
-- another form of it. It says that the two times are equal; written as "=", the planner would expect one row
-- in 200 to be shown and choose its plans for a table of that size, and written so it expects nearly all.
create function control.policy_expression(company uuid) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select format('(nullif(now() = guard.ok(%L::uuid), false) is not null)', company)
$$;
revoke all on function control.policy_expression(uuid) from public;

-- Walls in what the migrations of a vault made: row level security on every table, and an error when
-- a migration made something that cannot be walled in.
create function control.wall_in(vault name, company uuid) returns void
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
    if not relation.has_policy then
      execute format('create policy tenant_token on %I.%I using (%s) with check (%s)',
        vault, relation.relname, expression, expression);
    end if;
    if not relation.relrowsecurity then
      execute format('alter table %I.%I enable row level security', vault, relation.relname);
    end if;
  end loop;
end
$$;
comment on function control.wall_in(name, uuid) is 'Puts the token wall on every table of a vault. Called by control.migrate_vault.';
revoke all on function control.wall_in(name, uuid) from public;

create or replace function control.migrate_vault(vault name, target integer) returns integer
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  current integer;
  company uuid;
  migration record;
begin
  select c.schema_version, c.company_id into strict current, company
    from control.companies as c
    where c.vault = migrate_vault.vault
    for no key update;

  for migration in
    select m.version, m.name, m.body from control.tenant_migrations as m
      where m.version > current and m.version <= target
      order by m.version
  loop
    -- The bodies use unqualified names, so they land where this path points: in the vault.
    perform set_config('search_path', format('%I, pg_temp', vault), true);
    begin
      execute replace(replace(migration.body, '"$vault"', quote_ident(vault)), '$company', company::text);
    exception
      -- These say to a caller that the request was wrong, and here it is the migration that is.
      when data_exception or integrity_constraint_violation then
        raise exception 'tenant migration % failed: %', migration.name, sqlerrm
          using detail = format('SQLSTATE %s', sqlstate);
    end;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
    current := migration.version;
  end loop;

  -- The stamp that the wall asks for comes with the tenant migration 4.
  if current >= 4 then
    perform control.wall_in(vault, company);
  end if;
  update control.companies as c
    set schema_version = current, update_time = now()
    where c.vault = migrate_vault.vault and c.schema_version <> current;
  return current;
end
$$;

create or replace function control.provision_company() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  latest integer;
begin
  -- A migration is loaded before this company's version is chosen or after its vault is committed, when
  -- the fleet's migration sees it; never in between, where it would be missed.
  lock table control.tenant_migrations in share mode;
  select max(m.version) into latest from control.tenant_migrations as m;
  if latest is null then
    raise exception 'no tenant migrations are loaded' using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform control.create_vault_role(new.vault, new.login);
  -- Never "if not exists": two companies must never meet in one schema.
  execute format('create schema %I', new.vault);
  execute format('grant usage on schema %I to %I', new.vault, new.vault);
  perform control.migrate_vault(new.vault, latest);
  return null;
end
$$;

comment on table control.tenant_migrations is
  'The numbered migrations of a vault. In a body, "$vault" stands for the name of the vault''s role and $company for the company''s id.';

set local role wellvault_provisioner;
drop function control.create_vault_role(name);

reset role;
revoke create on schema control from wellvault_owner, wellvault_provisioner;

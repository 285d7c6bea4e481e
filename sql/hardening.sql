-- The second half of the hardening. The first is in hardening-targets.sql: what lets a statement look or reach
-- out of its vault is taken from PUBLIC, in this database: the functions that run text as SQL, that change
-- settings, that lock, wait, signal and write outside tables, and the whole catalogue. PostgreSQL's parser and
-- planner need none of these rights, and neither does the service: what it uses of them is granted to its own
-- roles, by the statements there and here.
--
-- Needs a superuser, for PostgreSQL's own objects belong to one. Both files are run at every migration by a role
-- that may (a start of the service, `wellvault migrate` or `wellvault harden`), and change nothing where nothing is left to take.
--
-- Without it the token wall still keeps every row of other vaults out of reach; what is missing then is
-- told by `wellvault verify`.

-- What the service's connections need: to pin, to find out whether there is a pooler in between and whether the names of
-- their statements are hidden, to cancel their own statements, and to let go of what a user of theirs may have left.
grant execute on function
  pg_catalog.set_config(text, text, boolean), pg_catalog.pg_backend_pid(), pg_catalog.has_function_privilege(text, text)
  to wellvault_session;
grant execute on function pg_catalog.pg_cancel_backend(integer), pg_catalog.pg_advisory_unlock_all()
  to wellvault_session, wellvault_control;

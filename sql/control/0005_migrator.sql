-- What the migrating role keeps once the objects belong to wellvault_owner: it loads tenant migrations
-- and applies them to the fleet. It sees no row of any vault by this.
set local role wellvault_owner;
grant select, insert on control.tenant_migrations to session_user;
grant select on control.companies to session_user;
grant execute on function control.migrate_vault(name, integer) to session_user;
reset role;

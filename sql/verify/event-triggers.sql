-- No event trigger runs at every command of this database.
select null::text as tenant_id, 'event trigger ' || e.evtname as object, 'is there' as problem
from pg_event_trigger as e

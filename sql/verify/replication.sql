-- Nothing sends rows of this database elsewhere or brings rows in: publications, logical slots, subscriptions.
select null::text as tenant_id, 'publication ' || p.pubname as object, 'sends rows elsewhere' as problem
from pg_publication as p
union all
select null, 'replication slot ' || s.slot_name, 'hands out every change of this database'
from pg_replication_slots as s
where s.slot_type = 'logical' and s.database = current_database()
union all
select null, 'subscription ' || s.subname, 'brings rows in'
from pg_subscription as s
join pg_database as d on d.oid = s.subdbid and d.datname = current_database()

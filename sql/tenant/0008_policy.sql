-- Nothing in the tables changes. Whoever migrates a vault renews its policies, which sql/control/0012_kept_plans.sql
-- made new ones.
select;

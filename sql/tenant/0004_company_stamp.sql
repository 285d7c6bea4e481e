-- Every row says whose it is, and no row of another company can be put here: not by a mistaken restore,
-- not by a copy between vaults.
alter table counters
  add column company_id uuid not null default '$company',
  add constraint counters_company_id_check check (company_id = '$company');
alter table employees
  add column company_id uuid not null default '$company',
  add constraint employees_company_id_check check (company_id = '$company');
alter table log_entries
  add column company_id uuid not null default '$company',
  add constraint log_entries_company_id_check check (company_id = '$company');
alter table sample_sources
  add column company_id uuid not null default '$company',
  add constraint sample_sources_company_id_check check (company_id = '$company');
alter table samples
  add column company_id uuid not null default '$company',
  add constraint samples_company_id_check check (company_id = '$company');

-- Whoever has left stays on the roster, so that what was kept of them can still be read and deleted.
alter table employees
  add column state smallint not null default 1,
  add constraint employees_state_check check (state in (1, 2));
comment on column employees.state is 'The number of wellvault.v1.EmployeeState.';

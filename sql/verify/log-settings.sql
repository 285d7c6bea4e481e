-- Settings by which the server's log could come to hold what people wrote about themselves.
select null::text as tenant_id, 'setting ' || s.name as object,
  case
    when s.name = 'log_min_error_statement' and s.setting not in ('fatal', 'panic') then 'is ' || s.setting || ': statements that fail are written to the log'
    when s.name = 'log_error_verbosity' and s.setting <> 'terse' then 'is ' || s.setting || ': the details of errors hold values of rows'
    when s.name = 'log_parameter_max_length' and s.setting <> '0' then 'is ' || s.setting || ': values are written to the log with logged statements'
    when s.name = 'log_parameter_max_length_on_error' and s.setting <> '0' then 'is ' || s.setting || ': values are written to the log with errors'
    when s.name = 'log_statement' and s.setting in ('mod', 'all') then 'is ' || s.setting || ': every statement is written to the log'
  end as problem
from pg_settings as s
where s.name in ('log_min_error_statement', 'log_error_verbosity', 'log_parameter_max_length',
  'log_parameter_max_length_on_error', 'log_statement')

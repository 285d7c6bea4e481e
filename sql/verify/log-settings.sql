-- Settings by which the server's log could come to hold what people wrote about themselves.
select null::text as tenant_id, 'setting ' || s.name as object,
  case
    when s.name = 'log_min_error_statement' and s.setting not in ('fatal', 'panic') then 'is ' || s.setting || ': statements that fail are written to the log'
    when s.name = 'log_error_verbosity' and s.setting <> 'terse' then 'is ' || s.setting || ': the details of errors hold values of rows'
    when s.name = 'log_parameter_max_length' and s.setting <> '0' then 'is ' || s.setting || ': values are written to the log with logged statements'
    when s.name = 'log_parameter_max_length_on_error' and s.setting <> '0' then 'is ' || s.setting || ': values are written to the log with errors'
    when s.name = 'log_statement' and s.setting in ('mod', 'all') then 'is ' || s.setting || ': every statement is written to the log'
    when s.name in ('log_min_duration_statement', 'log_min_duration_sample') and s.setting <> '-1' then
      'is ' || s.setting || ': statements that take longer are written to the log'
    when s.name ~ '^debug_print_(parse|rewritten|plan)$' and s.setting <> 'off' then
      'is ' || s.setting || ': statements are written to the log as the parser and the planner see them'
    when s.name = 'log_transaction_sample_rate' and s.setting::float8 > 0 then
      'is ' || s.setting || ': statements of some transactions are written to the log'
    when s.name = 'local_preload_libraries' and s.setting <> '' then
      'is ' || s.setting || ': a library is loaded into every session'
  end as problem
from pg_settings as s
where s.name in ('log_min_error_statement', 'log_error_verbosity', 'log_parameter_max_length',
  'log_parameter_max_length_on_error', 'log_statement', 'log_min_duration_statement', 'log_min_duration_sample',
  'log_transaction_sample_rate', 'debug_print_parse', 'debug_print_rewritten', 'debug_print_plan',
  'local_preload_libraries')

# Summary: Check that the project is set up as its config says
# Group: Environment
# Agent: read
# Usage: pyve validate
# About: The structural checks of pyve doctor, a line each: config, version, backend, environment, Python, lock
# About: and .env. Changes nothing; pyve doctor says more, and mends.
# Exit: 0 all is well; 1 errors; 2 warnings only
# States: any -> the same
# Alias: --validate

cmd_validate() {
  need utils cli version
  parse_options "$@" && expect_arguments 0 || return 1
  run_full_validation
}

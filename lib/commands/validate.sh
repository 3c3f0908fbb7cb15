# Summary: Check that the project is set up as its config says
# Group: Environment
# Usage: pyve validate
# About: One line each for structure, version, backend, environment, Python and .env. Changes nothing.
# Exit: 0 all is well; 1 errors; 2 warnings only
# States: any -> the same
# Alias: --validate

cmd_validate() {
  need utils cli backend_detect version
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  run_full_validation
}

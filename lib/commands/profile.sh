# Summary: Show how profiles run a program, and how two differ
# Group: Scripts and tools
# Agent: read
# Usage: pyve profile list
# Usage: pyve profile show PROFILE
# Usage: pyve profile diff PROFILE [PROFILE]
# Argument: list  Name the profiles, and what each one sets
# Argument: show  Show one, and where each part comes from
# Argument: diff  Show what the second has that the first has not; without a second, what a run without a profile has not
# Argument: PROFILE profiles
# About: A profile is chosen by --profile of run, test and watch, or by PYVE_PROFILE. dev, prod and bench are given; what
# About: run.profiles of the config says goes before: env (variables), env_file (more of them), flags (of the interpreter), groups
# About: (the dependency groups of the environment, or none) and watch (start again when files change).
# Example: pyve profile list
# Example: pyve profile diff dev prod
# Exit: 0 shown; 1 no such profile, or the config says of it what no profile can say
# States: any -> the same

cmd_profile() {
  need cli config profile_show
  parse_options "$@" || return 1
  case ${ARGS[0]-} in
    list) expect_arguments 1 || return 1 ;;
    show) expect_arguments 2 || return 1 ;;
    diff) expect_arguments 3 || return 1 ;;
    *)
      fail_unknown_word list show diff
      return
      ;;
  esac
  find_project || :
  config_load "${PROJECT_ROOT%/}/.pyve/config" || :
  if [[ ${ARGS[0]} != list && -z ${ARGS[1]-} ]]; then
    fail E_USAGE_ARGUMENT "pyve profile ${ARGS[0]} needs the name of a profile" fix "pyve profile list"
    return 1
  fi
  case ${ARGS[0]} in
    list) show_profiles ;;
    show) show_profile "${ARGS[1]}" ;;
    diff) diff_profiles "${ARGS[1]}" "${ARGS[2]-}" ;;
  esac
}

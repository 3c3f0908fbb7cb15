# Summary: Say what is wrong with the environment, and how to mend it
# Group: Environment
# Agent: read
# Agent: write --fix --yes
# Agent: never --report
# Usage: pyve doctor [--only ID]... [--fix] [--backend TYPE] [--report FILE]
# Usage: pyve doctor --list
# Argument: ID checks
# Argument: TYPE venv|micromamba
# About: Executes the environment's interpreter and its pip; a line for each thing looked at, and for each
# About: fault its id, what it comes from, and the command that mends it. Changes nothing without --fix.
# Option: --only ID...     Run this check only; may be given again
# Option: --fix            Apply the fixes that lose nothing, and ask for the others
# Option: --backend TYPE   Look at the environment of this backend, whatever the config says
# Option: --report FILE    Write a file for a bug report, without secrets
# Option: --list           Show the checks
# Option: -y, --yes        Ask nothing: fixes that remove something are left to you
# Example: pyve doctor
# Example: pyve doctor --fix
# Example: pyve doctor --only path-order
# Exit: 0 all is well; 1 no environment, or one that does not work; 2 warnings only
# States: any -> the same

cmd_doctor() {
  local -a only=()
  need utils cli version project_lock venv_env doctor/list doctor/environment doctor/checks doctor/report
  parse_options "$@" && expect_arguments 0 && read_only_option || return 1
  if [[ -n $opt_list ]]; then
    list_checks
    return 0
  fi
  if [[ -n $opt_backend ]]; then
    read_backend_option || return 1
  fi
  prepare_doctor || return 1
  [[ -z $opt_report ]] || check_report_file "$opt_report" || return 1
  if [[ -n $opt_fix ]]; then
    need doctor/mend
    # What is left is said at the end, with its diagnostics.
    DOCTOR_STYLE=report
  fi
  run_checks ${only[@]+"${only[@]}"}
  [[ -z $opt_fix ]] || mend_findings ${only[@]+"${only[@]}"}
  answer_checks
  [[ -z $opt_report ]] || write_report "$opt_report" || return 1
  judge_findings
}

# Usage: read_backend_option
# Sets DOCTOR_ASKED. Status 1, with a diagnostic, when there is no such backend.
read_backend_option() {
  case $opt_backend in
    venv | micromamba) DOCTOR_ASKED=$opt_backend ;;
    auto) ;;
    *)
      suggest "$opt_backend" venv micromamba
      fail E_BACKEND_UNKNOWN "'$opt_backend' is not a backend" why "there are venv and micromamba" fix "pyve doctor --backend ${REPLY:-venv}"
      return 1
      ;;
  esac
}

# Usage: read_only_option
# Sets only to the ids given. Status 1, with a diagnostic, when one is none.
read_only_option() {
  local id line
  local -a ids=()
  [[ -n $opt_only ]] || return 0
  while IFS= read -r id; do
    if ! find_check "$id"; then
      for line in "${DOCTOR_CHECKS[@]}"; do
        ids+=("${line%% *}")
      done
      suggest "$id" "${ids[@]}"
      if [[ -n $REPLY ]]; then
        fail E_DOCTOR_CHECK "there is no check '$id'" why "did you mean '$REPLY'?" fix "pyve doctor --only $REPLY"
      else
        fail E_DOCTOR_CHECK "there is no check '$id'" fix "pyve doctor --list"
      fi
      return 1
    fi
    only+=("$id")
  done <<<"${opt_only//,/$'\n'}"
}

# Usage: list_checks
# Prints id and meaning of each check.
list_checks() {
  local line id list="" REPLY
  for line in "${DOCTOR_CHECKS[@]}"; do
    id=${line%% *}
    find_check "$id"
    if [[ -n $PYVE_JSON ]]; then
      json_string "$CHECK_ABOUT"
      list+="${list:+, }{\"id\": \"$id\", \"kind\": \"$CHECK_KIND\", \"about\": $REPLY}"
    else
      printf -v REPLY '%-22s%s\n' "$id" "$CHECK_ABOUT"
      print_text "$REPLY"
    fi
  done
  answer_json known_checks "[$list]"
}

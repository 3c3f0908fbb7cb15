# Summary: Take over a project of Poetry, PDM, Pipenv, conda and others
# Group: Dependencies
# Agent: read idempotent network
# Agent: write --apply
# Usage: pyve migrate [--from SOURCE] [--to TARGET] [--partial]
# Usage: pyve migrate [--from SOURCE] [--to TARGET] [--partial] --apply [--offline]
# Argument: SOURCE pipfile|poetry|pdm|requirements|setup.cfg|conda|venv|pyproject
# Argument: TARGET pyproject|requirements|conda
# About: Reads what another tool's files say that the project needs, and shows, as a diff, what Pyve's would say. With
# About: --apply that is written, and then locked, with the versions of the old lock (Pipfile.lock, poetry.lock,
# About: pdm.lock, versions in requirements.txt, conda-lock.yml, what is installed) wherever they are still allowed. All
# About: of it or nothing: when something fails, every file is what it was. Nothing is deleted, and the old files stay.
# About: SOURCE is found by the files: pipfile (Pipfile), poetry and pdm (their tables in pyproject.toml), setup.cfg,
# About: conda (environment.yml), requirements (requirements*.txt; -dev, -test, ... become groups), venv (what is
# About: installed in the environment, and not needed by another). TARGET is pyproject (default: pyproject.toml with
# About: [project] and [dependency-groups]), requirements (requirements.in) or conda (environment.yml).
# About: What has no answer in the target, as a compiler of conda has none in a venv, is named, and not written: --apply
# About: then needs --partial, too.
# Option: --from SOURCE    What to take over, where the files do not tell
# Option: --to TARGET      What to write
# Option: --apply          Write it, and lock
# Option: --partial        Leave out what has no answer in the target
# Option: --offline        Lock with what is in the cache
# Example: pyve migrate
# Example: pyve migrate --apply && pyve sync
# Example: pyve migrate --from venv --apply
# Example: pyve migrate --to conda
# Exit: 0 planned or written; 1 nothing was changed
# States: any -> the same

cmd_migrate() {
  local target folder MIGRATE_PREFERENCES=""
  local -a words=() EDIT_FILES=() EDIT_TARGETS=() EDIT_STAGED=() EDIT_NAMES=() MIGRATE_NOTES=() MIGRATE_UNANSWERED=()
  local -a MIGRATE_KEPT=() MIGRATE_CHANGED=()
  need utils cli text config backend_detect project_lock fixes helper manifest_change migrate
  parse_options "$@" && expect_arguments 0 && check_target || return 1
  target=${opt_to:-pyproject}
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  config_get venv.directory
  words=(--root "$PWD" --to "$target" --environment "${REPLY:-$DEFAULT_VENV_DIR}")
  [[ -z $opt_from ]] || words+=(--from "$opt_from")
  [[ -z $opt_partial ]] || words+=(--partial)
  if [[ -z $opt_apply ]]; then
    plan_migration "${words[@]}" || return 1
    show_migration
    return 0
  fi
  folder=$PWD/.pyve/tmp/edit.$$
  lock_project || return 1
  if ! mkdir -p "$folder" 2>/dev/null; then
    fail_write "$folder"
    return 1
  fi
  plan_migration "${words[@]}" --stage "$folder" || return 1
  if [[ -n $MIGRATE_SAME ]]; then
    show_migration
    return 0
  fi
  apply_migration "$target" || return 1
  tell_migration
}

# Usage: check_target
# Status 1, with a diagnostic, when --to names what is not known, or options do not go together.
check_target() {
  case $opt_to in
    "" | pyproject | requirements | conda) ;;
    *)
      suggest "$opt_to" pyproject requirements conda
      fail E_USAGE_CHOICE "pyve migrate has no target '$opt_to'" why "there are pyproject, requirements and conda" \
        fix "pyve migrate --to ${REPLY:-pyproject}"
      return 1
      ;;
  esac
  if [[ -n $opt_offline && -z $opt_apply ]]; then
    fail E_USAGE_CONFLICT "--offline is for --apply" why "a plan asks no network" fix "pyve migrate --apply --offline"
    return 1
  fi
}

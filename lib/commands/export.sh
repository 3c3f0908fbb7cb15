# Summary: Write the lock in another format, such as requirements.txt
# Group: Dependencies
# Usage: pyve export [--format KIND] [--output FILE] [--extra NAME]... [--group NAME]... [--no-dev] [--no-hashes]
# Usage: pyve export [--format KIND] [--output FILE] [--platform PLATFORM]
# Argument: KIND requirements|constraints|environment|cyclonedx
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64
# About: requirements: what pip and uv install as the lock would be, with the hashes of all files. constraints: which
# About: version of what, if it is installed at all. environment: an environment.yml of conda. cyclonedx: a software
# About: bill of materials, CycloneDX 1.6 in JSON, the same bytes for the same lock; with the time of
# About: SOURCE_DATE_EPOCH when that is set. Of pylock.toml, all four (default: requirements); of conda-lock.yml,
# About: environment (the default) and cyclonedx.
# About: Chosen are the dependencies of the project and its default groups; of cyclonedx, everything, unless --extra,
# About: --group or --no-dev choose.
# Option: --format KIND...  What to write
# Option: -o, --output FILE  Write it there, not on stdout
# Option: --extra NAME...  With that extra, too
# Option: --group NAME...  With that dependency group, too
# Option: --no-dev         Without the groups that are installed unasked, such as dev
# Option: --no-hashes      requirements: without hashes, as for what comes from a repository
# Option: --platform PLATFORM  Of a conda lock: the platform (default: this machine's; of cyclonedx: all)
# Example: pyve export >requirements.txt
# Example: pyve export --format cyclonedx --output bom.json
# Example: pyve export --format constraints --group dev --output constraints.txt
# Exit: 0 written; 1 the lock cannot be written so, or there is no lock
# States: any -> the same
# Agent: read idempotent
# Agent: write --output

cmd_export() {
  local folder=$PWD kind="" word name opt_format="" opt_output="" opt_extra="" opt_group="" opt_no_dev="" opt_no_hashes="" opt_platform=""
  need utils cli stored_lock
  parse_options "$@" && expect_arguments 0 || return 1
  # (--format=json is for every command, and this one has a --format of its own.)
  while IFS= read -r word; do
    case $word in
      json | jsonl) ;;
      *) kind=$word ;;
    esac
  done <<<"$opt_format"
  open_lock || return 1
  if [[ -z $kind ]]; then
    [[ $STORED_BACKEND == micromamba ]] && kind=environment || kind=requirements
  fi
  check_kind "$kind" && add_platform "$opt_platform" || return 1
  STORED_WORDS+=(--kind "$kind")
  while IFS= read -r name; do
    [[ -z $name ]] || STORED_WORDS+=(--extra "$name")
  done <<<"$opt_extra"
  while IFS= read -r name; do
    [[ -z $name ]] || STORED_WORDS+=(--group "$name")
  done <<<"$opt_group"
  [[ -z $opt_no_dev ]] || STORED_WORDS+=(--no-dev)
  [[ -z $opt_no_hashes ]] || STORED_WORDS+=(--no-hashes)
  if [[ $kind == cyclonedx ]]; then
    STORED_EXTRA=sbom
    STORED_WORDS+=(--tool-version "$VERSION")
  fi
  choose_output "$opt_output" "$folder"
  answer format "$kind"
  show_lock export || return
  tell_output
}

# Usage: check_kind <kind>
# Status 1, with a diagnostic, when the lock cannot be written so, or options are for another kind.
check_kind() {
  case $1 in
    requirements | constraints | environment | cyclonedx) ;;
    *)
      suggest "$1" requirements constraints environment cyclonedx
      fail E_EXPORT_KIND "pyve export has no format '$1'" why "there are requirements, constraints, environment and cyclonedx" \
        fix "pyve export --format ${REPLY:-requirements}"
      return 1
      ;;
  esac
  if [[ -n $opt_no_hashes && $1 != requirements ]]; then
    fail E_USAGE_CONFLICT "--no-hashes is for --format requirements" why "what is written as $1 is another question" \
      fix "pyve export --format requirements --no-hashes"
    return 1
  elif [[ -n $opt_extra$opt_group$opt_no_dev && $STORED_BACKEND == micromamba ]]; then
    fail E_USAGE_CONFLICT "--extra, --group and --no-dev are for locks of venv projects" why "conda-lock.yml has no extras and no groups" \
      fix "pyve export --format $1"
    return 1
  fi
}

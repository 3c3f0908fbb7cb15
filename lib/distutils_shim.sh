# shellcheck shell=bash
# distutils left the standard library with Python 3.12 (PEP 632). The shim, a sitecustomize.py,
# lets `import distutils` find the copy in setuptools, when that is installed.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/distutils_shim.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_warning >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

DISTUTILS_SHIM_MARKER="pyve-managed: distutils shim"

# Usage: pyve_is_distutils_shim_disabled
# True when PYVE_DISABLE_DISTUTILS_SHIM is set to 1, true or yes.
pyve_is_distutils_shim_disabled() {
  case ${PYVE_DISABLE_DISTUTILS_SHIM-} in
    1 | true | TRUE | yes | YES) return 0 ;;
  esac
  return 1
}

# Usage: pyve_get_python_major_minor <python>
# Prints the interpreter's version as "3.12". Status 1 when it does not run.
pyve_get_python_major_minor() {
  logged "$1" -I -S -B -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null </dev/null
}

# Usage: pyve_get_site_packages_dir <python>
# Prints the folder into which pip installs for this interpreter. Status 1 when it does not run.
pyve_get_site_packages_dir() {
  logged "$1" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))' 2>/dev/null </dev/null
}

# Usage: pyve_write_sitecustomize_shim <site-packages folder>
# Writes the shim. A sitecustomize.py that is not Pyve's stays, with a warning.
pyve_write_sitecustomize_shim() {
  local file=$1/sitecustomize.py text
  if [[ -e $file || -L $file ]]; then
    read_file "$file"
    if [[ $REPLY != *"$DISTUTILS_SHIM_MARKER"* ]]; then
      warn W_SITECUSTOMIZE "$file is not Pyve's; the distutils shim was not installed" \
        why "a package of the environment brings it; PYVE_DISABLE_DISTUTILS_SHIM=1 does without the shim, and says nothing"
      return 0
    fi
  fi
  read_file "${BASH_SOURCE[0]%/*}/data/distutils_shim.py"
  text=$REPLY
  if [[ -e $file ]]; then
    write_file "$file" "$text"
  else
    printf '%s' "$text" >"$file" || fail_write "$file"
  fi
}

# Usage: pyve_distutils_shim_probe <python>
# True when this interpreter is one that needs the shim: Python 3.12 or newer.
pyve_distutils_shim_probe() {
  local version
  version=$(pyve_get_python_major_minor "$1") || return 1
  ((${version%%.*} > 3 || ${version#*.} >= 12))
}

# Usage: pyve_ensure_venv_packaging_prereqs <python>
# Sees to it that the environment of <python> has pip, setuptools and wheel; installs what is
# missing. Status 1 when that fails.
pyve_ensure_venv_packaging_prereqs() {
  local missing
  if ! logged "$1" -m pip --version >/dev/null 2>&1 </dev/null; then
    logged "$1" -m ensurepip --upgrade >/dev/null 2>&1 </dev/null || {
      fail E_PIP_MISSING "the environment of $1 has no pip, and its Python brings none" fix "pyve init --force"
      return 1
    }
  fi
  missing=$(logged "$1" -I -c '
from importlib.metadata import distribution, PackageNotFoundError
for name in ("setuptools", "wheel"):
    try:
        distribution(name)
    except PackageNotFoundError:
        print(name)
' 2>/dev/null </dev/null) || return 1
  [[ -n $missing ]] || return 0
  load_redact
  # shellcheck disable=SC2086 # one word for each package
  if ! show_redacted logged "$1" -m pip install --quiet --disable-pip-version-check $missing </dev/null; then
    quote_word "$1"
    fail E_INSTALL_REQUIREMENTS "cannot install ${missing//$'\n'/ } into the environment of $1" fix "$REPLY -m pip install ${missing//$'\n'/ }"
    return 1
  fi
}

# Usage: pyve_install_distutils_shim_for_python <python>
# Installs the shim into the environment of <python>, where it is needed and not disabled.
pyve_install_distutils_shim_for_python() {
  local folder
  if pyve_is_distutils_shim_disabled || ! pyve_distutils_shim_probe "$1"; then
    return 0
  fi
  folder=$(pyve_get_site_packages_dir "$1") || return 1
  pyve_write_sitecustomize_shim "$folder"
}

# Usage: pyve_ensure_micromamba_packaging_prereqs <micromamba> <prefix>
# Sees to it that a conda environment has pip, setuptools and wheel; installs what is missing
# with micromamba. Status 1 when that fails.
pyve_ensure_micromamba_packaging_prereqs() {
  local name missing=()
  for name in pip setuptools wheel; do
    compgen -G "$2/conda-meta/$name-[0-9]*.json" >/dev/null || missing+=("$name")
  done
  if ((${#missing[@]} == 0)); then
    return 0
  fi
  load_redact
  if ! show_redacted logged "$1" install --yes --prefix "$2" "${missing[@]}" </dev/null; then
    fail E_INSTALL_REQUIREMENTS "cannot install ${missing[*]} into the environment $2" \
      why "$1 install ended with an error; its own words are above"
    return 1
  fi
}

# Usage: pyve_install_distutils_shim_for_micromamba_prefix <micromamba> <prefix>
# Installs the shim into a conda environment, where it is needed and not disabled. The
# environment's own interpreter is asked, not micromamba.
pyve_install_distutils_shim_for_micromamba_prefix() {
  [[ -x $2/bin/python ]] || return 0
  pyve_install_distutils_shim_for_python "$2/bin/python"
}

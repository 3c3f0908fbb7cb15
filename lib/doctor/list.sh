# shellcheck shell=bash
# shellcheck disable=SC2034 # read by lib/doctor/checks.sh
# The checks of `pyve doctor`, in the order in which they are run.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/list.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# A line for each: its id (which never changes), the module of lib/doctor that has it, its kind, and what it
# looks at. `pyve validate` runs the structural ones.
DOCTOR_CHECKS=(
  "config-present environment structural whether the project is set up: .pyve/config"
  "config-readable config structural whether .pyve/config can be read"
  "config-syntax config structural whether .pyve/config is written as it should be"
  "config-unknown-key config structural keys of .pyve/config that mean nothing"
  "config-value config structural values of .pyve/config that cannot be"
  "pyve-version environment structural which version of Pyve has set the project up"
  "leftovers environment structural what commands that were killed have left"
  "backend environment structural the backend that the config names"
  "environment-file conda structural whether environment.yml or a lock is there"
  "environment-missing environment structural whether the environment is there"
  "environment-whole environment structural whether it is an environment, made to its end"
  "environment-moved environment structural whether it is where it was made"
  "interpreter-gone interpreter structural whether its interpreter is still installed"
  "architecture interpreter structural whether its interpreter is made for this machine"
  "interpreter-broken interpreter structural whether its interpreter runs"
  "interpreter-changed interpreter structural whether its interpreter is the one it was made with"
  "python-version interpreter structural whether it has the Python that the config asks for"
  "interpreter-shims interpreter other shims of version managers in front of it, or beneath it"
  "links-dangling interpreter other links in its bin that lead nowhere"
  "scripts-shebang interpreter other scripts in its bin whose interpreter is gone"
  "base-managed interpreter other whether pip may install into it"
  "template-gone interpreter other whether the pip that environments share is there"
  "pip-missing interpreter other whether pip runs"
  "packages interpreter other how many packages it has"
  "engine conda other what conda environments are made with"
  "environment-outdated conda other whether the file that it was made from has changed"
  "activation-record conda other whether what activation does is on record"
  "lock-unreadable locks structural whether the lock can be read"
  "lock-platform locks structural whether the lock is for this machine"
  "lock-stale locks other whether the lock is older than what it was made from"
  "locks-at-odds locks other locks of several formats side by side"
  "environment-drift drift other whether the environment is what the lock says"
  "packages-damaged packages other packages whose files are not whole"
  "packages-duplicate packages other packages that are there twice"
  "packages-broken packages other packages that miss others or do not go with them"
  "packages-startup packages other packages that run code when Python starts"
  "direnv-hook activation other whether this shell has direnv's hook"
  "direnv-allowed activation other whether direnv may load the .envrc"
  "envrc-foreign activation other whether the .envrc enters the environment"
  "virtualenv-foreign activation other whether this shell is in another environment"
  "path-order activation other whether PATH finds the environment's programs first"
  "dotenv-file dotenv structural whether .env can be read"
  "dotenv-mode dotenv structural who can read .env"
  "dotenv-ignored dotenv other whether git ignores .env"
  "dotenv-tracked dotenv other whether git has .env"
  "dotenv-differences dotenv other what shells, direnv and python-dotenv read differently in .env"
  "testenv environment other the environment of the test runner"
  "synced-folder system other whether a cloud drive synchronises the project"
  "windows-mount system other whether the project is on a drive of Windows"
  "case-insensitive system other whether the file system tells capitals from small letters"
  "disk-space system other how much space is left"
  "clock-skew system other whether files are from the future"
  "tools-faulty system other versions of tools that are known to be faulty"
)

#!/usr/bin/env bats
# lib/distutils_shim.sh: distutils for Python 3.12 and newer.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib distutils_shim
  MARKER="pyve-managed: distutils shim"
}

# Usage: make_python <version> [site-packages folder]
# Sets FAKE to an interpreter that answers what the shim asks, and says so in a log.
make_python() {
  FAKE=$PWD/fake-python
  cat >"$FAKE" <<END
#!/bin/sh
printf '%s\n' "\$*" >>"$PWD/calls"
case \$* in
  *version_info*) echo "$1" ;;
  *purelib*) echo "${2-}" ;;
  *) exit 99 ;;
esac
END
  chmod +x "$FAKE"
}

# Usage: find_new_python
# Sets NEW_PYTHON to an interpreter of 3.12 or newer, SETUPTOOLS to a setuptools wheel; skips
# when the machine lacks either.
find_new_python() {
  local candidate folder wheel folders=() rest=$PATH:$PYVE_TREE/.dev/bin:
  NEW_PYTHON="" SETUPTOOLS=""
  while [[ -n $rest ]]; do
    folder=${rest%%:*}
    rest=${rest#*:}
    folders+=("$folder")
    [[ $folder != */shims ]] || folders+=("${folder%/shims}"/versions/*/bin "${folder%/shims}"/installs/python/*/bin)
  done
  for folder in "${folders[@]}"; do
    for candidate in "$folder"/python3.1[2-9]; do
      [[ $folder != */shims && -x $candidate ]] || continue
      "$candidate" -I -c 'import sys, venv; assert sys.version_info >= (3, 12)' 2>/dev/null || continue
      NEW_PYTHON=$candidate
    done
    # CPython's own tests bring one, and so does virtualenv.
    for wheel in "$folder"/../lib/python3*/test/{,wheeldata/}setuptools-*.whl \
      "$folder"/../lib/python3*/site-packages/virtualenv/seed/wheels/embed/setuptools-*.whl; do
      # Those before 66.1 do not know Python 3.12.
      [[ ! -f $wheel || ${wheel##*/} == setuptools-@([1-5]?|6[0-6]|?).* ]] || SETUPTOOLS=$wheel
    done
  done
  [[ -n $NEW_PYTHON ]] || skip "NOT TESTED: no Python 3.12 or newer on this machine"
  [[ -n $SETUPTOOLS ]] || skip "NOT TESTED: no setuptools wheel on this machine"
}

@test "the shim can be disabled by PYVE_DISABLE_DISTUTILS_SHIM" {
  local value
  run -1 pyve_is_distutils_shim_disabled
  for value in 1 true yes; do
    PYVE_DISABLE_DISTUTILS_SHIM=$value run -0 pyve_is_distutils_shim_disabled
  done
  for value in "" 0 no false; do
    PYVE_DISABLE_DISTUTILS_SHIM=$value run -1 pyve_is_distutils_shim_disabled
  done
}

@test "the version and the site-packages folder of a real interpreter are found" {
  find_real_python
  local expected
  expected=$("$REAL_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  assert_equal "$(pyve_get_python_major_minor "$REAL_PYTHON")" "$expected"
  expected=$("$REAL_PYTHON" -I -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  assert_equal "$(pyve_get_site_packages_dir "$REAL_PYTHON")" "$expected"
}

@test "an interpreter that does not run gives nothing but a failing status" {
  printf '#!/bin/sh\nexit 3\n' >none
  chmod +x none
  run ! pyve_get_python_major_minor "$PWD/none"
  assert_equal "$output" ""
  run ! pyve_get_site_packages_dir "$PWD/none"
  assert_equal "$output" ""
  run -1 pyve_distutils_shim_probe "$PWD/none"
}

@test "Python 3.12 and newer needs the shim, older does not" {
  local version
  for version in 3.12 3.13 3.20 4.0; do
    make_python "$version"
    run -0 pyve_distutils_shim_probe "$FAKE"
  done
  for version in 3.9 3.10 3.11 2.7; do
    make_python "$version"
    run -1 pyve_distutils_shim_probe "$FAKE"
  done
}

@test "the shim carries its marker, sets the default and imports setuptools" {
  mkdir site
  pyve_write_sitecustomize_shim site
  local text
  text=$(cat site/sitecustomize.py)
  assert_contains "$text" "$MARKER"
  assert_contains "$text" 'os.environ.setdefault("SETUPTOOLS_USE_DISTUTILS", "local")'
  assert_contains "$text" "import setuptools"
}

@test "the shim is valid Python, for old interpreters too" {
  find_real_python
  mkdir site
  pyve_write_sitecustomize_shim site
  "$REAL_PYTHON" -I -W error -c 'compile(open("site/sitecustomize.py").read(), "x", "exec")'
}

@test "writing the shim again changes nothing" {
  mkdir site
  pyve_write_sitecustomize_shim site
  touch -t 200001010000 site/sitecustomize.py
  pyve_write_sitecustomize_shim site
  [ -z "$(find site/sitecustomize.py -newer "$PYVE_TREE/pyve.sh")" ]
  assert_equal "$(ls site)" sitecustomize.py
}

@test "an older shim of Pyve is brought up to date" {
  mkdir site
  printf '# %s\nold = 1\n' "$MARKER" >site/sitecustomize.py
  pyve_write_sitecustomize_shim site
  refute_contains "$(cat site/sitecustomize.py)" "old = 1"
}

@test "a foreign sitecustomize.py is left alone, with a warning and status 0" {
  mkdir site
  printf 'theirs = 1\n' >site/sitecustomize.py
  run -0 --separate-stderr pyve_write_sitecustomize_shim site
  assert_contains "$stderr" "WARNING: "
  assert_contains "$stderr" sitecustomize.py
  assert_equal "$(cat site/sitecustomize.py)" "theirs = 1"
}

@test "a foreign sitecustomize.py that is empty, or a link to nothing, is left alone" {
  mkdir site
  : >site/sitecustomize.py
  run -0 pyve_write_sitecustomize_shim site
  [ ! -s site/sitecustomize.py ]
  rm site/sitecustomize.py
  ln -s nowhere site/sitecustomize.py
  run -0 pyve_write_sitecustomize_shim site
  [ -L site/sitecustomize.py ] && [ ! -e nowhere ]
}

@test "a folder that cannot be written is a failure that says so" {
  run -1 pyve_write_sitecustomize_shim missing
  assert_contains "$output" E_FILE_WRITE
}

@test "the shim is installed where it is needed, and only there" {
  mkdir site
  make_python 3.11 "$PWD/site"
  run -0 pyve_install_distutils_shim_for_python "$FAKE"
  [ ! -e site/sitecustomize.py ]
  make_python 3.12 "$PWD/site"
  PYVE_DISABLE_DISTUTILS_SHIM=1 run -0 pyve_install_distutils_shim_for_python "$FAKE"
  [ ! -e site/sitecustomize.py ]
  run -0 pyve_install_distutils_shim_for_python "$FAKE"
  assert_contains "$(cat site/sitecustomize.py)" "$MARKER"
}

@test "a conda environment is asked through its own interpreter" {
  mkdir -p site prefix/bin
  make_python 3.12 "$PWD/site"
  mv "$FAKE" prefix/bin/python
  run -0 pyve_install_distutils_shim_for_micromamba_prefix "$PWD/no-micromamba" "$PWD/prefix"
  [ -f site/sitecustomize.py ]
  run -0 pyve_install_distutils_shim_for_micromamba_prefix "$PWD/no-micromamba" "$PWD/nowhere"
}

@test "a conda environment that has its packaging tools is left alone" {
  mkdir -p prefix/conda-meta
  touch prefix/conda-meta/{pip-24.0-x,setuptools-70.1.0-x,wheel-0.43.0-x}.json
  run -0 pyve_ensure_micromamba_packaging_prereqs "$PWD/not-there" "$PWD/prefix"
}

@test "packaging tools that a conda environment lacks are installed with micromamba" {
  mkdir -p prefix/conda-meta
  touch prefix/conda-meta/pip-24.0-x.json prefix/conda-meta/wheel-tool-1-x.json
  printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s/called"\n' "$PWD" >micromamba
  chmod +x micromamba
  run -0 --separate-stderr pyve_ensure_micromamba_packaging_prereqs "$PWD/micromamba" "$PWD/prefix"
  assert_equal "$output" ""
  assert_equal "$(cat called)" $'install\n--yes\n--prefix\n'"$PWD"$'/prefix\nsetuptools\nwheel'
  printf '#!/bin/sh\nexit 1\n' >micromamba
  run -1 pyve_ensure_micromamba_packaging_prereqs "$PWD/micromamba" "$PWD/prefix"
  assert_contains "$output" E_INSTALL_REQUIREMENTS
}

# Usage: make_pip_python <installed package>...
# Sets FAKE to an interpreter with pip that has some packages.
make_pip_python() {
  FAKE=$PWD/fake-python
  cat >"$FAKE" <<END
#!/bin/sh
case \$* in
  "-m pip --version") exit ${PIP_STATUS:-0} ;;
  "-m ensurepip --upgrade") exit ${ENSUREPIP_STATUS:-0} ;;
  -I\ -c*) for name in setuptools wheel; do case " $* " in *" \$name "*) ;; *) echo \$name ;; esac; done ;;
  "-m pip install"*) printf '%s\n' "\$*" >>"$PWD/called"; exit ${INSTALL_STATUS:-0} ;;
  *) exit 99 ;;
esac
END
  chmod +x "$FAKE"
}

@test "an environment that has pip, setuptools and wheel is left alone" {
  make_pip_python setuptools wheel
  run -0 pyve_ensure_venv_packaging_prereqs "$FAKE"
  [ ! -e called ]
}

@test "packaging tools that an environment lacks are installed by its own pip" {
  make_pip_python setuptools
  run -0 --separate-stderr pyve_ensure_venv_packaging_prereqs "$FAKE"
  assert_equal "$output" ""
  [[ $(cat called) == "-m pip install "*" wheel" ]]
  make_pip_python
  run -0 pyve_ensure_venv_packaging_prereqs "$FAKE"
  [[ $(cat called) == *" setuptools wheel" ]]
}

@test "packaging tools that cannot be installed are a failure with its command" {
  INSTALL_STATUS=1 make_pip_python
  run -1 pyve_ensure_venv_packaging_prereqs "$FAKE"
  assert_contains "$output" E_INSTALL_REQUIREMENTS
  assert_contains "$output" "fix: "
}

@test "the command in the advice can be pasted although the path has blanks in it" {
  INSTALL_STATUS=1 make_pip_python
  run -1 pyve_ensure_venv_packaging_prereqs "$FAKE"
  assert_contains "$output" "fix: '$FAKE' -m pip install"
}

@test "an environment without pip gets it from ensurepip, or a clear error" {
  PIP_STATUS=1 make_pip_python setuptools wheel
  run -0 pyve_ensure_venv_packaging_prereqs "$FAKE"
  PIP_STATUS=1 ENSUREPIP_STATUS=1 make_pip_python setuptools wheel
  run -1 pyve_ensure_venv_packaging_prereqs "$FAKE"
  assert_contains "$output" E_PIP_MISSING
}

@test "import distutils works on Python 3.12 and newer with setuptools" {
  find_new_python
  local site
  "$NEW_PYTHON" -m venv --without-pip env
  site=$(pyve_get_site_packages_dir "$PWD/env/bin/python")
  "$NEW_PYTHON" -m zipfile -e "$SETUPTOOLS" "$site"
  run env/bin/python -c 'import distutils'
  [ "$status" -ne 0 ] || rm -f "$site/distutils-precedence.pth"
  pyve_install_distutils_shim_for_python "$PWD/env/bin/python"
  run -0 env/bin/python -W ignore -c 'import sys
assert "setuptools" not in sys.modules, "the start must stay cheap"
import distutils, distutils.core, distutils.version
from distutils.util import strtobool
assert strtobool("yes")
assert "setuptools" in distutils.__file__, distutils.__file__
assert sys.modules["distutils"] is distutils'
  run -0 env/bin/python -W ignore -c 'import distutils.core as c, setuptools; assert issubclass(setuptools.Command, c.Command)'
}

@test "without setuptools import distutils fails as it always does, and nothing else does" {
  find_new_python
  "$NEW_PYTHON" -m venv --without-pip env
  pyve_install_distutils_shim_for_python "$PWD/env/bin/python"
  run -0 --separate-stderr env/bin/python -c 'import json, email, os
try:
    import distutils
except ModuleNotFoundError as error:
    assert error.name == "distutils", error.name
else:
    raise SystemExit("it was found")
assert os.environ["SETUPTOOLS_USE_DISTUTILS"] == "local"'
  assert_equal "$stderr" ""
}

@test "SETUPTOOLS_USE_DISTUTILS of the user goes first" {
  find_new_python
  "$NEW_PYTHON" -m venv --without-pip env
  pyve_install_distutils_shim_for_python "$PWD/env/bin/python"
  SETUPTOOLS_USE_DISTUTILS=stdlib run -0 env/bin/python -c 'import os; print(os.environ["SETUPTOOLS_USE_DISTUTILS"])'
  assert_equal "$output" stdlib
}

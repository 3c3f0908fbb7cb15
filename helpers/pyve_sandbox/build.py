"""Confining the hooks of build backends that uv runs: what stands in for the interpreter there.

uv is told that its interpreter is ``STAND_IN/bin/python3.N``, a script that starts
``sandbox_run.py build``. uv asks it once what it is, and makes the environments of builds with it;
so each hook (PEP 517) is a start of this script through a link ``ENVIRONMENT/bin/python``. Hooks
are confined: no network, no home; the source tree, the environment of the build and the folder for
its result can be written. uv itself, which asks the index and unpacks archives, is not.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from pyve_core.errors import HelperError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["FOLDERS", "list_folders", "make_stand_in", "run_hook"]

# Folders that a hook may write, with ":" between them, the one to work in first, where Pyve starts
# it itself.
FOLDERS = "PYVE_BUILD_FOLDERS"
# How uv names the folder for what a hook makes, in the program that it gives to Python.
_NAMED = re.compile(r"fsdecode\(b\"((?:[^\"\\]|\\.)*)\"\)")
# Hooks get what compilers and backends are told by; not what uv is told: logins of indexes.
_KEPT = re.compile(
    r"(CC|CXX|AR|LD|CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS|ARCHFLAGS|FC|FFLAGS|MAKEFLAGS|RUSTFLAGS"
    r"|PKG_CONFIG_PATH|SETUPTOOLS_SCM_PRETEND_VERSION\w*|CMAKE_\w+|PYTHON\w*|SOURCE_DATE_EPOCH"
    r"|MACOSX_DEPLOYMENT_TARGET|_PYTHON_HOST_PLATFORM)"
)
_SCRIPT = """#!/bin/bash -p
if [[ ${%(inside)s-} == %(folder)s ]]; then
  # Inside of the sandbox it is the interpreter.
  exec -a "$0" %(real)s "$@"
fi
case $0 in
  %(folder)s/bin/* %(known)s)
    # By its own path, or that of the environment that it changes, uv asks what this is, or
    # compiles what it has installed.
    case ${1-} in
      -I | */pip_compileall.py) exec -a "$0" %(real)s "$@" ;;
    esac
    printf '%%s\\n' "build.sandbox is on, but uv was told to build without isolation" \\
      "(no-build-isolation): what is built so cannot be confined [E_SANDBOX_OPTION]" >&2
    exit 1
    ;;
esac
# Everything else is a build.
exec %(launcher)s build %(real)s %(folder)s "$0" "$@"
"""
# Says inside of a sandbox that this is one: the folder of the stand-in, which nobody knows before.
_INSIDE = "PYVE_BUILD_INSIDE"


def make_stand_in(
    folder: Path, python: str, launcher: Sequence[str], known: Sequence[Path] = ()
) -> Path:
    """Make what uv takes for an interpreter.

    Args:
        folder: an empty folder, which has to live as long as uv works.
        python: the real interpreter; of an environment, that which it was made with.
        launcher: the words that start ``sandbox_run.py``.
        known: folders of links to it by which it is not started to build.

    Returns:
        The path for uv's ``--python``.
    """
    from pathlib import Path as Path_

    from pyve_core.fixes import quote

    real = Path_(os.path.realpath(python))
    (folder / "bin").mkdir(parents=True)
    for entry in sorted(real.parent.parent.iterdir()):
        # (The standard library is looked for beside the interpreter.)
        if entry.name != "bin":
            (folder / entry.name).symlink_to(entry)
    script = folder / "bin" / real.name
    words = {
        "folder": quote(str(folder)),
        "inside": _INSIDE,
        "known": "".join(f"| {quote(str(one))}/*" for one in known),
        "real": quote(str(real)),
        "launcher": " ".join(quote(word) for word in launcher),
    }
    script.write_text(_SCRIPT % words, encoding="utf-8", errors="surrogateescape")
    script.chmod(0o755)
    for name in ("python", "python3"):
        # (Environments know their interpreter by its folder, and by their own name for it.)
        if not (folder / "bin" / name).exists():
            (folder / "bin" / name).symlink_to(script.name)
    return script


def run_hook(words: Sequence[str]) -> int:
    """Run a hook confined.

    Args:
        words: the real interpreter, the folder of the stand-in, the path that it was started by,
            and its arguments.

    Returns:
        The exit status.
    """
    from pyve_sandbox.profile import Profile
    from pyve_sandbox.start import run_profile

    real, folder, name, *arguments = words
    environ = dict(os.environ)
    folders = list_folders(name, arguments, environ)
    os.chdir(folders[0])
    profile = Profile(
        project=os.path.dirname(os.path.dirname(os.path.abspath(name))),
        folder=folders[0],
        read=[folder, os.path.dirname(os.path.dirname(real)), *_list_readable(environ)],
        write=folders,
        env=[one for one in environ if _KEPT.fullmatch(one)],
    )
    try:
        done, _ = run_profile(profile, [name, *arguments], environ, {_INSIDE: folder})
    except HelperError as error:
        sys.stderr.write(f"{error.message} [{error.code}]\n" + "\n".join(error.why) + "\n")
        return 1
    return done.status


def _list_readable(environ: Mapping[str, str]) -> list[str]:
    """Give what the user lets all builds read, such as a compiler in the home folder."""
    return [one for one in environ.get("PYVE_BUILD_READ", "").split(os.pathsep) if one]


def list_folders(name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Give the folders that a hook may write beside the environment of its build."""
    if environ.get(FOLDERS):
        return environ[FOLDERS].split(os.pathsep)
    found = [os.getcwd()]
    builds = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(name))))
    for text in arguments:
        for path in _NAMED.findall(text):
            # uv makes it beside the environment. Nothing else that the text says counts.
            folder = os.path.normpath(path)
            if os.path.dirname(folder) == builds and os.path.isdir(folder):
                found.append(folder)
    return list(dict.fromkeys(found))

"""Say which interpreter this is: one ``key=value`` line each, read by lib/interpreter.sh.

Run as ``PYTHON -I -S probe_interpreter.py`` by every interpreter that Pyve considers, so it
keeps to syntax of Python 3.6 and imports next to nothing.
"""

import os
import sys


class ProbeError(Exception):
    """The interpreter runs, but cannot be described."""


def checksum(parts):
    # type: (list[str]) -> str
    """Give eight hexadecimal digits that stand for ``parts``.

    FNV-1a, 32 bits (Fowler, Noll, Vo): enough to tell the interpreters of one machine apart,
    and it needs no import that a damaged standard library may lack.
    """
    value = 0x811C9DC5
    for byte in "\n".join(parts).encode("utf-8", "surrogateescape"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{value:08x}"


def format_version(info):
    # type: (tuple[int, int, int, str, int]) -> str
    """Write ``sys.version_info`` as PEP 440 does: ``3.12.4``, ``3.14.0rc1``."""
    phase = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3], "")
    suffix = phase + str(info[4]) if phase else ""
    return f"{info[0]}.{info[1]}.{info[2]}{suffix}"


def read_home(executable):
    # type: (str) -> str
    """Give the folder of the base interpreter if ``executable`` is a copy in an environment.

    Returns:
        the ``home`` of its pyvenv.cfg (PEP 405), or "" when there is no such file.
    """
    folder = os.path.dirname(executable)
    for place in (os.path.dirname(folder), folder):
        try:
            with open(os.path.join(place, "pyvenv.cfg"), encoding="utf-8") as lines:
                for line in lines:
                    key, equals, value = line.partition("=")
                    if equals and key.strip().lower() == "home":
                        return value.strip()
        except OSError:
            pass
    return ""


def find_base(executable, minor):
    # type: (str, int) -> str
    """Follow links and environments to the interpreter that nothing else stands behind."""
    real = os.path.realpath(executable)
    for _ in range(8):
        home = read_home(real)
        if not home:
            break
        for name in (f"python3.{minor}", "python3", "python"):
            candidate = os.path.join(home, name)
            if os.access(candidate, os.X_OK):
                real = os.path.realpath(candidate)
                break
        else:
            raise ProbeError("the base interpreter in " + home + " is gone")
    return real


def keep_opt_path(real):
    # type: (str) -> str
    """Give the path that survives ``brew upgrade`` for an interpreter inside a Homebrew Cellar.

    ``<prefix>/Cellar/<formula>/<version>/<rest>`` is ``<prefix>/opt/<formula>/<rest>`` too.
    """
    prefix, cellar, rest = real.partition("/Cellar/")
    parts = rest.split("/", 2)
    if not cellar or len(parts) != 3:
        return real
    formula, _, inside = parts
    for tail in ("bin/" + os.path.basename(real), inside):
        stable = prefix + "/opt/" + formula + "/" + tail
        try:
            if os.path.samefile(stable, real):
                return stable
        except OSError:
            pass
    return real


def wheel_order(name):
    # type: (str) -> list[int]
    """Sort key of a wheel's file name: the numbers of its version (PEP 427)."""
    version = name.split("-")[1] if "-" in name else ""
    return [int(number) if number.isdigit() else -1 for number in version.split(".")]


def find_pip_wheel(stdlib):
    # type: (str) -> str
    """Give the path of the pip wheel that ensurepip would install, or "" when there is none."""

    def newest(folder):
        # type: (str) -> str
        try:
            names = os.listdir(folder)
        except OSError:
            return ""
        wheels = [name for name in names if name.startswith("pip-") and name.endswith(".whl")]
        return os.path.join(folder, max(wheels, key=wheel_order)) if wheels else ""

    found = newest(os.path.join(stdlib, "ensurepip", "_bundled"))
    if not found and stdlib.startswith("/usr/"):
        found = newest("/usr/share/python-wheels")
    if not found:
        try:
            import sysconfig

            folder = sysconfig.get_config_var("WHEEL_PKG_DIR")
        except Exception:  # a stripped standard library may fail in any way: then there is none
            folder = None
        found = newest(str(folder)) if folder else ""
    return found


def describe():
    # type: () -> list[tuple[str, str]]
    """Collect what lib/interpreter.sh wants to know, in the order of the output."""
    info = sys.version_info
    version = format_version((info[0], info[1], info[2], info[3], info[4]))
    if not sys.executable:
        raise ProbeError("it does not know its own path")
    base = getattr(sys, "_base_executable", None) or sys.executable
    real = find_base(base, info[1])
    stdlib_file = getattr(os, "__file__", "") or ""
    try:
        modified = str(os.stat(stdlib_file).st_mtime)
    except OSError as error:
        reason = "its standard library is not where it looks: " + repr(stdlib_file)
        raise ProbeError(reason) from error
    stdlib = os.path.dirname(stdlib_file)

    def has(module):
        # type: (str) -> str
        return "1" if os.path.isfile(os.path.join(stdlib, module, "__init__.py")) else ""

    name = sys.implementation.name
    digest = checksum([real, version, sys.version, modified, os.uname().machine])
    return [
        ("executable", keep_opt_path(real)),
        ("version", version),
        ("build", sys.version.replace("\n", " ")),
        ("implementation", name),
        ("id", f"{name}-{version}-{digest}"),
        ("stdlib", stdlib_file),
        ("venv", has("venv")),
        ("ensurepip", has("ensurepip")),
        ("pip_wheel", find_pip_wheel(stdlib)),
        ("prerelease", "" if info[3] == "final" else "1"),
        # The last line: an answer without it was cut short.
        ("complete", "1"),
    ]


def main():
    # type: () -> int
    """Print the description; on failure one line that says why, and status 1."""
    try:
        lines = []
        for key, value in describe():
            if any(ord(char) < 32 or ord(char) == 127 for char in value):
                raise ProbeError(f"its {key} has a control character in it")
            lines.append(f"{key}={value}\n")
        data = "".join(lines).encode("utf-8", "surrogateescape")
    except ProbeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.write(1, data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

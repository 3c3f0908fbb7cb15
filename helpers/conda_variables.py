"""Print the environment variables that a conda prefix sets when it is activated.

Usage: conda_variables.py PREFIX

They are those of ``etc/conda/env_vars.d/*.json`` (from packages) and of ``env_vars`` in
``conda-meta/state`` (the user's; they win). Printed one a line, ``+NAME=value`` or, for the value
``***unset***``, ``-NAME``; in values % and line ends are written %25 and %0A. Source: conda's
documentation, "Managing environments".

Exit: 0; 1 with one line on stderr when a file is no such JSON.
"""

import json
import os
import re
import sys


def read_variables(prefix: str) -> "dict[str, str]":
    """Return the variables of a prefix by name, the user's over those of packages.

    Raises:
        ValueError: a file is no JSON object of strings.
        OSError: a file cannot be read.
    """
    variables: dict[str, str] = {}
    folder = os.path.join(prefix, "etc", "conda", "env_vars.d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = [os.path.join(folder, name) for name in names if name.endswith(".json")]
    for path in [*files, os.path.join(prefix, "conda-meta", "state")]:
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8") as stream:
            try:
                content = json.load(stream)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
        if path.endswith("state") and isinstance(content, dict):
            content = content.get("env_vars", {})
        if not isinstance(content, dict):
            raise ValueError(f"{path} is no JSON object")
        for name, value in content.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{path}: {name!r} is no name of a variable")
            variables[name] = str(value)
    return variables


def main(argv: "list[str]") -> int:
    """Print the variables. See the module."""
    try:
        variables = read_variables(argv[0])
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for name, value in variables.items():
        if value == "***unset***":
            line = "-" + name
        else:
            line = "+" + name + "=" + value.replace("%", "%25").replace("\n", "%0A")
        sys.stdout.buffer.write((line + "\n").encode("utf-8", "surrogateescape"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

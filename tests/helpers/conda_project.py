"""Projects of the conda backend for tests: environments come from the local channels."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from conda_channel import CondaChannel
from pyve_test_helpers import Pyve


class CondaUser(Pyve):
    """A user with a project whose environment.yml names the local channel.

    Attributes:
        channel: the channels.
        name: what the environment is called, unless a test says otherwise.
    """

    name = "demo"

    def __init__(
        self, root: Path, cache: Path, channel: CondaChannel, project: str = "data science ü"
    ) -> None:
        """Make the user.

        Args:
            root: a folder of the test's own.
            cache: where templates are; packages of conda are kept beside them.
            channel: the channels.
            project: the name of the project's folder.
        """
        super().__init__(root, cache, project)
        self.channel = channel
        # So that stand-ins write names as they are.
        self.env["LC_ALL"] = "C.UTF-8"
        self.env["PYVE_CONDA_CACHE"] = str(cache.parent / "conda packages")

    @property
    def envs(self) -> Path:
        """Where the project's conda environments are."""
        return self.project / ".pyve" / "envs"

    @property
    def conda(self) -> Path:
        """The project's conda environment."""
        return self.envs / self.name

    def manifest(
        self,
        *dependencies: str,
        pip: tuple[str, ...] = (),
        name: str | None = "",
        channel: str = "",
        variables: dict[str, str] | None = None,
        file: str = "environment.yml",
    ) -> Path:
        """Write environment.yml.

        Args:
            dependencies: conda packages.
            pip: lines of the pip: section.
            name: the environment's name; the usual one by default, None for none.
            channel: URL of a channel; the local one by default.
            variables: variables that activation sets.
            file: the file's name.
        """
        lines = [] if name is None else [f"name: {name or self.name}"]
        lines += ["channels:", f"  - {channel or self.channel.main}", "dependencies:"]
        lines += [f"  - {dependency}" for dependency in dependencies]
        if pip:
            lines += ["  - pip:", *(f"      - {line}" for line in pip)]
        if variables:
            lines += ["variables:", *(f"  {key}: {value}" for key, value in variables.items())]
        return self.write(file, "\n".join(lines) + "\n")

    def records(self, prefix: Path | None = None) -> dict[str, dict[str, Any]]:
        """Return what conda-meta says about each package, by name."""
        files = ((prefix or self.conda) / "conda-meta").glob("*.json")
        records = [json.loads(path.read_text()) for path in files]
        return {record["name"]: record for record in records}

    def packages(self, prefix: Path | None = None) -> dict[str, tuple[str, str, str]]:
        """Return version, build and SHA-256 of each package in the environment, by name."""
        return {
            name: (record["version"], record["build"], record["sha256"])
            for name, record in self.records(prefix).items()
        }

    def variables(self, *argv: str, **env: str) -> dict[str, str]:
        """Return the environment that a program sees; by default through ``pyve run``."""
        words = argv or tuple(self.command("run", "env", "-0"))
        changes: dict[str, Any] = dict(env)
        result = self.execute(*words, **changes)
        assert result.returncode == 0, result.stderr
        return parse_variables(result.stdout)

    def leftovers(self) -> list[str]:
        """Return what an unfinished command may have left in the project."""
        found = [path.name for path in self.envs.glob(".*")]
        found += [str(path) for path in (self.project / ".pyve/tmp").glob("*")]
        return found + [path.name for path in self.project.glob(".requirements*")]

    def state(self) -> dict[str, str]:
        """Return what pyve.state of the environment says."""
        lines = (self.conda / "pyve.state").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def parse_variables(text: str) -> dict[str, str]:
    """Return the variables of an ``env -0``."""
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def find_fixes(stderr: str) -> list[str]:
    """Return the commands that a diagnostic proposes."""
    return re.findall(r"^\s*fix: (.*)$", stderr, re.MULTILINE)

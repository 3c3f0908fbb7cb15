"""Locks in the words of other tools. Those tools then install, or check, what was written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from distributions import Distribution, make_sdist, make_wheel
from local_index import LocalIndex

from pyve_core import HelperError
from pyve_files.environment import Environment, read_environment
from pyve_files.lock import Lock, LockedPackage
from pyve_locks.conda_graph import build_conda_graph
from pyve_locks.export import (
    export_conda_environment,
    export_constraints,
    export_environment,
    export_requirements,
)
from pyve_locks.graph import build_graph
from pyve_locks.sbom import export_cyclonedx, read_epoch

UV = Path(__file__).resolve().parents[2] / ".dev" / "bin" / "uv"

ANYIO = make_wheel("anyio", "4.0", ["idna", 'old; python_version < "3"'])
IDNA = [make_wheel("idna", "3.4"), make_sdist("idna", "3.4")]
TOML = make_wheel("tomli", "1.0")
WEB = make_wheel("Web_Server", "2.0")
TEST = make_wheel("test-tool", "8")
REMOTE = make_wheel("remote", "1.5")
LOCAL = make_wheel("local", "0.1")
HEX = re.compile(r"[0-9a-f]{64}")


def files(index: LocalIndex, *distributions: Distribution) -> dict[str, Any]:
    """The sdist and wheels of a package in a lock."""
    found: dict[str, Any] = {"index": index.url}
    for made in distributions:
        part = {"url": index.file_url(made.filename), "hashes": {"sha256": made.sha256}}
        if made.is_wheel:
            found.setdefault("wheels", []).append(part)
        else:
            found["sdist"] = part
    return found


def package(name: str, version: str = "", marker: str = "", **more: Any) -> dict[str, Any]:
    plain = {"name": name, "version": version, "marker": marker}
    return {**{key: value for key, value in plain.items() if value}, **more}


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex(ANYIO, *IDNA, TOML, WEB, TEST, REMOTE) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder, and in it the archive that is there by its path."""
    folder = tmp_path / "my project"
    (folder / "my archives").mkdir(parents=True)
    LOCAL.write(folder / "my archives")
    return folder


@pytest.fixture
def lock(index: LocalIndex) -> dict[str, Any]:
    """A lock with most of what a lock can have and hashes can be given for."""
    remote = {"url": index.file_url(REMOTE.filename), "hashes": {"sha256": REMOTE.sha256}}
    local = {"path": f"my archives/{LOCAL.filename}", "hashes": {"sha256": LOCAL.sha256}}
    return {
        "lock-version": "1.0",
        "requires-python": ">=3.9",
        "extras": ["web"],
        "dependency-groups": ["dev"],
        "default-groups": ["dev"],
        "packages": [
            package("web-server", "2.0", "'web' in extras", **files(index, WEB)),
            package("anyio", "4.0", dependencies=[{"name": "idna"}], **files(index, ANYIO)),
            package("idna", "3.4", **files(index, *IDNA)),
            package("remote", "1.5", archive=remote),
            package("local", archive=local),
            package("tomli", "1.0", "python_version >= '3'", **files(index, TOML)),
            package("tomli", "0.9", "python_version < '3'", **files(index, TOML)),
            package(
                "test-tool", "8", "'dev' in dependency_groups and os_name != 'x'",
                **files(index, TEST),
            ),
            package("app", directory={"path": ".", "editable": True}),
        ],
    }  # fmt: skip


class Installer:
    """pip or uv, each with an environment of its own."""

    def __init__(self, name: str, folder: Path, index: LocalIndex) -> None:
        self.name = name
        self.home = folder / f"home of {name}"
        self.home.mkdir()
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "UV_NO_CACHE": "1"}
        self.environ["TMPDIR"] = str(folder)
        self.index = index.env
        self.place = folder / f"environment of {name}"
        self.run([str(UV), "venv", "-q", "--python", sys.executable, str(self.place)], folder)

    def run(self, command: list[str], folder: Path) -> str:
        """Run a command; its output. An AssertionError has it when it fails."""
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, project: Path, *options: str, file: str = "requirements.txt") -> list[str]:
        """Install a requirements file as a person would; what is there then."""
        python = str(self.place / "bin" / "python")
        if self.name == "pip":
            command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile"]
            command += ["--require-hashes"] * (not options) + ["-r", file, *options]
        else:
            command = [str(UV), "pip", "sync", "--python", python, file, *options]
        self.environ.update(self.index)
        self.run(command, project)
        return self.installed()

    def installed(self) -> list[str]:
        """Name and version of what is installed."""
        found = (self.place / "lib").glob("python*/site-packages/*.dist-info")
        return sorted(path.name.partition(".dist-info")[0].lower() for path in found)


@pytest.fixture
def installers(tmp_path: Path, index: LocalIndex) -> list[Installer]:
    return [Installer(name, tmp_path, index) for name in ("pip", "uv")]


def test_pip_with_hashes_and_uv_install_what_was_exported(
    lock: dict[str, Any], project: Path, installers: list[Installer]
) -> None:
    (project / "requirements.txt").write_text(export_requirements(lock))
    everything = ["anyio-4.0", "idna-3.4", "local-0.1", "remote-1.5", "test_tool-8", "tomli-1.0"]
    for installer in installers:
        assert installer.install(project) == everything


def test_extras_are_chosen_and_groups_left_out(
    lock: dict[str, Any], project: Path, installers: list[Installer]
) -> None:
    (project / "requirements.txt").write_text(export_requirements(lock, ["Web"], []))
    for installer in installers:
        found = installer.install(project)
        assert "web_server-2.0" in found
        assert "test_tool-8" not in found


def test_a_file_with_another_content_is_refused_by_both(
    lock: dict[str, Any], project: Path, installers: list[Installer]
) -> None:
    for package in lock["packages"]:
        for wheel in package.get("wheels", ()):
            wheel["hashes"]["sha256"] = "0" * 64
    (project / "requirements.txt").write_text(export_requirements(lock))
    for installer in installers:
        with pytest.raises(AssertionError, match=r"(?i)hash"):
            installer.install(project)
        assert installer.installed() == []


def test_constraints_decide_versions_and_nothing_else(
    lock: dict[str, Any], project: Path, installers: list[Installer], index: LocalIndex
) -> None:
    index.add(make_wheel("idna", "3.9"), make_wheel("anyio", "9.0", ["idna"]))
    text = export_constraints(lock)
    (project / "constraints.txt").write_text(text)
    (project / "wish.txt").write_text("anyio\nidna\n")
    assert "--hash" not in text
    assert f"# local is from my archives/{LOCAL.filename}, which no constraint can say\n" in text
    assert re.search(r"^remote @ http\S+/remote-1\.5-py3-none-any\.whl$", text, re.M)
    for installer in installers:
        found = installer.install(project, "-c", "constraints.txt", file="wish.txt")
        assert found == ["anyio-4.0", "idna-3.4"]


def test_an_export_is_the_same_text_each_time(lock: dict[str, Any]) -> None:
    text = export_requirements(lock, ["web"])
    lock["packages"].reverse()
    for item in lock["packages"]:
        item.get("wheels", []).reverse()
    assert export_requirements(lock, ["web"]) == text
    assert text.startswith("# Made from a lock by pyve export, for Python >=3.9\nanyio==4.0 \\\n")
    assert 'tomli==1.0 ; python_version >= "3" \\\n    --hash=sha256:' in text
    assert 'test-tool==8 ; os_name != "x" \\\n' in text
    # The sdist and the wheel.
    lines = text[text.index("idna==") :].splitlines()
    assert [HEX.sub("X", line) for line in lines[:3]] == [
        "idna==3.4 \\",
        "    --hash=sha256:X \\",
        "    --hash=sha256:X",
    ]
    assert "app" not in text


VCS = {
    "type": "git",
    "url": "https://me:secret1@example.org/a.git",
    "requested-revision": "main",
    "commit-id": "0123456789012345678901234567890123456789",
    "subdirectory": "src/a",
}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"vcs": VCS},
            f"a @ git+https://example.org/a.git@{VCS['commit-id']}#subdirectory=src/a",
        ),
        ({"vcs": {**VCS, "url": "ssh://git@example.org/a", "subdirectory": ""}},
         f"a @ git+ssh://git@example.org/a@{VCS['commit-id']}"),
        ({"directory": {"path": "libs/a"}}, "./libs/a"),
        ({"directory": {"path": "../a b", "editable": True}}, "../a b"),
        ({"directory": {"path": "libs", "subdirectory": "a"}}, "./libs/a"),
    ],
)  # fmt: skip
def test_what_has_no_hash_is_written_without(
    more: dict[str, Any], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = {"packages": [package("a", "1", "os_name != 'x'", **more), package("b", "2")]}
    assert export_requirements(lock, hashes=False).splitlines()[1:] == [
        f'{line} ; os_name != "x"',
        "b==2",
    ]
    monkeypatch.setenv("PYVE_AGAIN", "pyve export --output requirements.txt")
    lock["packages"][1]["wheels"] = [{"url": "https://example.org/b-2-py3-none-any.whl",
                                      "hashes": {"md5": "00"}}]  # fmt: skip
    with pytest.raises(HelperError) as caught:
        export_requirements(lock)
    assert caught.value.code == "E_EXPORT_HASH"
    assert [why.split()[0] for why in caught.value.why] == ["a", "b", "what"]
    assert "secret1" not in " ".join(caught.value.why)
    assert caught.value.fix == ["pyve export --output requirements.txt --no-hashes"]


@pytest.mark.parametrize(
    "more",
    [
        {"vcs": {"type": "git", "path": "../repository", "commit-id": "00"}},
        {"archive": {"path": "a.zip", "subdirectory": "a", "hashes": {"sha256": "00"}}},
        {"directory": {"path": "libs/a;b"}},
        {"directory": {"path": "libs/a -b"}},
    ],
)
def test_what_no_requirements_file_can_say_is_refused(more: dict[str, Any]) -> None:
    lock = {"packages": [package("a", "1", **more)]}
    with pytest.raises(HelperError) as caught:
        export_requirements(lock, hashes=False)
    assert caught.value.code == "E_EXPORT_ORIGIN"
    assert export_constraints(lock).splitlines()[1].startswith("# a is from ")


@pytest.mark.parametrize(
    "wrong",
    [
        package("a", "1\n--index-url https://example.org"),
        package("a", "1 --hash=sha256:00"),
        package("a", "1 # b"),
        package("a", "${HOME}"),
        package("a", "1\\"),
        package("a"),
        package("a", "1", "os_name = 'x'"),
        package("a", archive={"url": "https://example.org/a.whl\r\nb", "hashes": {"md5": "0"}}),
    ],
)
def test_a_lock_cannot_put_words_into_a_requirements_file(wrong: dict[str, Any]) -> None:
    with pytest.raises(HelperError) as caught:
        export_requirements({"packages": [wrong]}, hashes=False)
    assert caught.value.code == "E_LOCK_FILE"


def test_what_is_editable_stays_so_where_pip_and_uv_agree() -> None:
    def line(path: str, marker: str = "") -> str:
        folder = {"path": path, "editable": True}
        lock = {"packages": [package("a", "1", marker, directory=folder)]}
        return export_requirements(lock, hashes=False).splitlines()[1]

    assert line("libs/a") == "-e ./libs/a"
    assert line("libs/my a") == "./libs/my a"
    # Pip would install it wherever it is: it does not read the marker.
    assert line("libs/a", "os_name == 'x'") == './libs/a ; os_name == "x"'


def test_a_version_may_stand_in_the_name_of_a_file_only() -> None:
    sdist = {"url": "https://example.org/a-1.5.tar.gz", "hashes": {"sha512": "AA"}}
    text = export_requirements({"packages": [package("a", sdist=sdist)]})
    assert text.splitlines()[1:] == ["a==1.5 \\", "    --hash=sha512:aa"]


def test_environment_yml_has_the_interpreter_from_conda_and_the_rest_by_pip(
    lock: dict[str, Any], tmp_path: Path
) -> None:
    lock["requires-python"] = ">=3.9,!=3.11.*,<4"
    path = tmp_path / "environment.yml"
    path.write_text(export_environment(lock, "my-app", groups=[]))
    found = read_environment(str(path))
    assert (found.name, found.channels) == ("my-app", ["conda-forge"])
    assert found.dependencies == ["python !=3.11.*,<4,>=3.9", "pip"]
    assert found.pip[0] == "anyio==4.0"
    assert 'tomli==1.0 ; python_version >= "3"' in found.pip
    assert "test-tool" not in path.read_text()
    path.write_text(export_environment({"requires-python": "==3.12.*"}))
    assert read_environment(str(path)) == Environment(
        channels=["conda-forge"], dependencies=["python 3.12.*", "pip"],
        lines={"python 3.12.*": 4, "pip": 5},
    )  # fmt: skip
    path.write_text(export_environment({}, channels=["a#b", "x: y"]))
    assert yaml.safe_load(path.read_text()) == {
        "channels": ["a#b", "x: y"],
        "dependencies": ["python", "pip"],
    }


def conda_lock() -> Lock:
    def make(name: str, version: str, manager: str, *needs: str, platform: str = "linux-64") -> Any:
        file = f"{name}-{version}-h0_1.conda"
        if manager == "pip":
            file = f"{name}-{version}-py3-none-any.whl"
        url = f"https://example.org/forge/{platform}/{file}"
        build = "h0_1" * (manager == "conda")
        return LockedPackage(
            name, version, manager, platform, url, "0" * 32, "a" * 64, build, "main", False,
            list(needs),
        )  # fmt: skip

    packages = [
        make("python", "3.12.1", "conda"),
        make("zlib", "1.3", "conda", platform="osx-64"),
        make("flask", "3.0", "pip", "python"),
    ]
    return Lock(["linux-64", "osx-64"], ["https://me:secret1@example.org/forge"], packages=packages)


def test_a_lock_of_conda_becomes_an_environment_yml() -> None:
    assert export_conda_environment(conda_lock(), "linux-64", "env") == textwrap.dedent(
        """\
        name: env
        channels:
          - https://example.org/forge
        dependencies:
          - python=3.12.1
          - pip
          - pip:
              - flask==3.0
        """
    )
    assert "zlib=1.3\n" in export_conda_environment(conda_lock(), "osx-64")
    with pytest.raises(HelperError) as caught:
        export_conda_environment(conda_lock(), "win-64")
    assert caught.value.code == "E_LOCK_PLATFORM"


def validate(text: str) -> dict[str, Any]:
    """See that CycloneDX's own validator has nothing to say, and read the document."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


ROOTS = {"": ["anyio", "remote", "local"], "extra:web": ["Web_Server"], "group:dev": ["test-tool"]}


def test_the_bill_of_materials_is_valid_and_complete(lock: dict[str, Any]) -> None:
    graph = build_graph(lock, ROOTS, "app")
    found = validate(export_cyclonedx(graph, "app", "1.0", tool_version="9.9"))
    parts = {part["bom-ref"]: part for part in found["components"]}
    assert list(parts) == [
        "pip:anyio@4.0",
        "pip:idna@3.4",
        "pip:local@",
        "pip:remote@1.5",
        "pip:test-tool@8",
        "pip:tomli@0.9",
        "pip:tomli@1.0",
        "pip:web-server@2.0",
    ]
    needs = {item["ref"]: item.get("dependsOn") for item in found["dependencies"]}
    assert needs["pip:anyio@4.0"] == ["pip:idna@3.4"]
    direct = ["pip:anyio@4.0", "pip:local@", "pip:remote@1.5", "pip:test-tool@8"]
    assert needs["project:app"] == [*direct, "pip:web-server@2.0"]
    assert parts["pip:idna@3.4"]["purl"] == "pkg:pypi/idna@3.4"
    assert parts["pip:idna@3.4"]["scope"] == "required"
    assert parts["pip:web-server@2.0"]["scope"] == "optional"
    assert parts["pip:test-tool@8"]["scope"] == "excluded"
    digests = [reference["hashes"] for reference in parts["pip:idna@3.4"]["externalReferences"]]
    assert sorted(item[0]["content"] for item in digests) == sorted(made.sha256 for made in IDNA)
    assert found["metadata"]["component"]["name"] == "app"
    assert found["metadata"]["tools"]["components"][0]["version"] == "9.9"


def test_the_bill_of_materials_can_leave_groups_out(lock: dict[str, Any]) -> None:
    text = export_cyclonedx(build_graph(lock, ROOTS), "app", extras=["web"], groups=[])
    names = [part["name"] for part in validate(text)["components"]]
    assert "web-server" in names
    assert "test-tool" not in names


def test_the_bill_of_materials_is_the_same_each_time(lock: dict[str, Any]) -> None:
    text = export_cyclonedx(build_graph(lock, ROOTS, "app"), "app")
    lock["packages"].reverse()
    assert export_cyclonedx(build_graph(lock, ROOTS, "app"), "app") == text
    found = validate(text)
    assert "timestamp" not in found["metadata"]
    lock["packages"].pop()
    other = json.loads(export_cyclonedx(build_graph(lock, ROOTS, "app"), "app"))
    assert other["serialNumber"] != found["serialNumber"]
    dated = validate(export_cyclonedx(build_graph(lock, ROOTS), "app", epoch=1_700_000_000))
    assert dated["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


def test_the_bill_of_materials_names_repositories_without_passwords() -> None:
    twice = [package("a", "1", marker, vcs=VCS) for marker in ("os_name == 'x'", "os_name != 'x'")]
    text = export_cyclonedx(build_graph({"packages": twice}, {"": ["a"]}), "app")
    found = validate(text)
    assert [part["bom-ref"] for part in found["components"]] == ["pip:a@1", "pip:a@1#2"]
    assert found["components"][0]["purl"].startswith("pkg:pypi/a@1?vcs_url=git%2Bhttps")
    assert VCS["commit-id"] in found["components"][0]["externalReferences"][0]["comment"]
    assert "secret1" not in text


def test_the_bill_of_materials_of_conda() -> None:
    text = export_cyclonedx(build_conda_graph(conda_lock()), "env")
    found = validate(text)
    assert [part["purl"] for part in found["components"]] == [
        "pkg:pypi/flask@3.0",
        "pkg:conda/python@3.12.1?build=h0_1&channel=forge&subdir=linux-64&type=conda",
        "pkg:conda/zlib@1.3?build=h0_1&channel=forge&subdir=osx-64&type=conda",
    ]
    assert [item.get("dependsOn") for item in found["dependencies"] if "flask" in item["ref"]] == [
        ["conda/linux-64:python@3.12.1"]
    ]


def test_the_time_of_a_document_comes_from_outside_or_not_at_all() -> None:
    assert read_epoch({}) is None
    assert read_epoch({"SOURCE_DATE_EPOCH": ""}) is None
    assert read_epoch({"SOURCE_DATE_EPOCH": "1700000000"}) == 1_700_000_000
    for wrong in ("yesterday", "-1", "1.5", "\u0661"):
        with pytest.raises(HelperError) as caught:
            read_epoch({"SOURCE_DATE_EPOCH": wrong})
        assert caught.value.code == "E_USAGE_VALUE"
        assert caught.value.fix[0].startswith("env -u SOURCE_DATE_EPOCH ")

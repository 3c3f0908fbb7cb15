"""Faults of the machine around a project: doctor names each; what it says to do mends it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator

import pytest
from code_cases import brings
from doctor_faults import Fault, diagnose, find_fault, mend_fault
from pyve_test_helpers import TREE, Pyve
from workshop import make_whole, set_up_plain


@pytest.fixture
def pyve(workshops: dict[str, Pyve]) -> Iterator[Pyve]:
    """A healthy project of the venv backend."""
    yield from lend(workshops["venv"])


@pytest.fixture
def user(workshops: dict[str, Pyve]) -> Iterator[Pyve]:
    """A healthy project of the conda backend."""
    yield from lend(workshops["micromamba"])


def lend(pyve: Pyve) -> Iterator[Pyve]:
    """Give a project, and take back what tests put beside it."""
    if not (pyve.project / ".pyve/config").exists():
        make_whole(pyve, set_up_plain)
    tools = set(os.listdir(pyve.bin))
    project = pyve.project
    yield pyve
    for name in set(os.listdir(pyve.bin)) - tools - {"pyve"}:
        (pyve.bin / name).unlink()
    pyve.project = project
    pyve.tree = TREE


def add_tool(name: str, says: str) -> Callable[[Pyve], None]:
    """Give the injector that puts a program on PATH which tells its version."""

    def inject(pyve: Pyve) -> None:
        pyve.add_program(name, f"#!/bin/sh\necho '{says}'\n")

    return inject


def be_full(pyve: Pyve) -> None:
    """Let df say that little is left."""
    lines = "".join(
        f"echo '/dev/disk {size} 999000 {free} 99% /'\n"
        for size, free in ((1000000, 40960), (1000000, 40960), (1000000, 40960))
    )
    pyve.add_program(
        "df", f"#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Use% On'\n{lines}"
    )


def come_from_the_future(pyve: Pyve) -> None:
    """Give the config a time of tomorrow."""
    stamp = time.time() + 86400
    os.utime(pyve.project / ".pyve/config", (stamp, stamp))


def replace_functions(pyve: Pyve, text: str) -> None:
    """Let Pyve see another machine: a copy of it in which functions of the checks are replaced."""
    tree = pyve.root / "another machine"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    for name in ("pyve.sh", "helpers", "lib"):
        source = TREE / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / name)
    module = tree / "lib/doctor/system.sh"
    module.write_text(module.read_text() + text)
    pyve.tree = tree


def be_in_wsl(pyve: Pyve) -> None:
    replace_functions(
        pyve,
        """
read_kernel() { REPLY="Linux version 5.15.90.1-microsoft-standard-WSL2"; }
list_mounts() {
  MOUNTS=('/dev/sdb / ext4 rw 0 0' 'C: /mnt/c 9p rw,aname=drvfs 0 0' 'D: FOLDER drvfs rw 0 0')
}
""".replace("FOLDER", str(pyve.project).replace(" ", "\\040")),
    )


def be_on_a_disk_without_capitals(pyve: Pyve) -> None:
    replace_functions(pyve, "\nOSTYPE=linux-gnu\nis_same_entry() { return 0; }\n")


def be_at_home_again(pyve: Pyve) -> None:
    pyve.tree = TREE


def be_in_a_time_before(pyve: Pyve) -> None:
    replace_functions(pyve, "\nget_now() { REPLY=1000000000; }\n")


def lose(name: str) -> Callable[[Pyve], None]:
    """Give what mends by hand: the program goes, and another may come."""

    def mend(pyve: Pyve) -> None:
        (pyve.bin / name).unlink()

    return mend


FAULTS = [
    Fault(
        "space",
        "disk-space",
        "W_DISK_SPACE",
        be_full,
        lose("df"),
        ("40 MB are left for the project",),
    ),
    Fault(
        "future",
        "clock-skew",
        "W_CLOCK_FILES",
        come_from_the_future,
        "paste",
        (".pyve/config is 14", "minutes newer than now"),
    ),
    Fault(
        "past",
        "clock-skew",
        "W_CLOCK_BEHIND",
        be_in_a_time_before,
        be_at_home_again,
        ("it is behind",),
    ),
    Fault(
        "wsl",
        "windows-mount",
        "W_FOLDER_WINDOWS",
        be_in_wsl,
        be_at_home_again,
        ("on a drive of Windows",),
    ),
    Fault(
        "capitals",
        "case-insensitive",
        "W_FOLDER_CASE",
        be_on_a_disk_without_capitals,
        be_at_home_again,
        (".pyve and .PYVE are the same",),
    ),
    Fault(
        "uv",
        "tools-faulty",
        "W_TOOL_FAULTY",
        add_tool("uv", "uv 0.8.5 (abc 2025-08-05)"),
        add_tool("uv", "uv 0.13.9"),
        ("uv 0.8.5", "CVE-2025-54368", "from 0.8.6 on"),
    ),
]


@brings(
    "W_DISK_SPACE",
    "W_CLOCK_FILES",
    "W_CLOCK_BEHIND",
    "W_FOLDER_WINDOWS",
    "W_FOLDER_CASE",
    "W_TOOL_FAULTY",
)
@pytest.mark.venv
@pytest.mark.parametrize(
    ("code", "fault"), [(fault.code, fault) for fault in FAULTS], ids=[f.name for f in FAULTS]
)
def test_each_fault_of_the_machine_is_named_and_mended(pyve: Pyve, code: str, fault: Fault) -> None:
    fault.inject(pyve)
    mend_fault(find_fault(pyve, fault, {}), fault)


@brings("W_FOLDER_SYNCED")
@pytest.mark.venv
def test_a_folder_that_a_cloud_drive_synchronises(pyve: Pyve) -> None:
    """As after the project was moved there; init refuses to work in one."""

    def move_in(pyve: Pyve) -> None:
        place = pyve.root / "Dropbox" / "my project"
        place.parent.mkdir()
        pyve.project = pyve.project.rename(place)
        pyve.ok("init", "--update", "--no-direnv", "--allow-synced-dir")

    def move_out(pyve: Pyve) -> None:
        pyve.project = pyve.project.rename(pyve.root / "my project")
        pyve.ok("init", "--update", "--no-direnv")

    fault = Fault(
        "synced",
        "synced-folder",
        "W_FOLDER_SYNCED",
        move_in,
        move_out,
        ("Dropbox synchronises it",),
    )
    fault.inject(pyve)
    mend_fault(find_fault(pyve, fault, {}), fault)


@pytest.mark.venv
def test_each_range_of_faulty_versions_has_its_borders(pyve: Pyve) -> None:
    """A version before the first and the first without the fault are not told of."""
    rows = [
        line.split("\t")
        for line in (TREE / "lib/data/faulty.tsv").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert {row[0] for row in rows} == {"direnv", "uv", "micromamba"}
    for tool, first, below, what, source in rows:
        assert what and source
        if tool == "micromamba":
            continue
        for version, expected in ((first, True), (below, False)):
            if version == "-":
                version = "0.0.1"
            add_tool(tool, version)(pyve)
            document = diagnose(pyve, "--only", "tools-faulty")
            told = any(f": {what}" in item["message"] for item in document["diagnostics"])
            assert told == expected, (tool, version, document["diagnostics"])
        (pyve.bin / tool).unlink()


@pytest.mark.micromamba
def test_an_old_micromamba_is_told_of_in_a_conda_project_only(user: Pyve, pyve: Pyve) -> None:
    for one in (user, pyve):
        add_tool("micromamba", "0.27.0")(one)
    document = diagnose(user, "--only", "tools-faulty")
    (diagnostic,) = document["diagnostics"]
    assert "micromamba 0.27.0" in diagnostic["message"]
    assert diagnostic["fix"][0]["command"] == [str(user.bin / "micromamba"), "self-update"]
    assert diagnose(pyve, "--only", "tools-faulty")["diagnostics"] == []


@pytest.mark.micromamba
@pytest.mark.parametrize("fault", FAULTS[:2], ids=[fault.name for fault in FAULTS[:2]])
def test_the_same_in_a_project_of_the_conda_backend(user: Pyve, fault: Fault) -> None:
    fault.inject(user)
    mend_fault(find_fault(user, fault, {}), fault)


@pytest.mark.venv
def test_the_checks_work_without_tools_and_without_a_home(pyve: Pyve) -> None:
    """No df, no date, no uname, no HOME: what cannot be told is left out."""
    for name in ("df", "date"):
        pyve.add_program(name, "#!/bin/sh\nexit 1\n")
    ids = "synced-folder,windows-mount,case-insensitive,disk-space,clock-skew,tools-faulty"
    env = {name: value for name, value in pyve.env.items() if name != "HOME"}
    usual, pyve.env = pyve.env, env
    result = pyve("doctor", "--only", ids)
    pyve.env = usual
    assert (result.returncode, result.stderr) == (0, "")

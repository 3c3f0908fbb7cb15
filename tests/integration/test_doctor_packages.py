"""Faults of the packages in real environments: doctor names each, and what it proposes mends it."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import brings
from conda_project import CondaUser
from doctor_faults import Fault, diagnose, find_fault, mend_fault
from package_index import PackageIndex
from pyve_test_helpers import Pyve, snapshot
from workshop import make_whole


@pytest.fixture
def pyve(workshops: dict[str, Pyve]) -> Iterator[Pyve]:
    """A healthy project of the venv backend, with real packages in it."""
    make_whole(workshops["venv"], set_up)
    yield workshops["venv"]
    (workshops["venv"].project / ".pyve/tmp").mkdir(exist_ok=True)
    (workshops["venv"].project / ".pyve/tmp").rmdir()


@pytest.fixture
def user(workshops: dict[str, Pyve]) -> Pyve:
    """The same of the conda backend."""
    make_whole(workshops["micromamba"], set_up)
    return workshops["micromamba"]


def set_up(pyve: Pyve) -> None:
    """Install packages that need each other from an index."""
    if isinstance(pyve, CondaUser):
        pyve.manifest("python", "pip")
    pyve.init()
    with PackageIndex() as index:
        install(pyve, index, "anyio", "setuptools")


def install(pyve: Pyve, index: PackageIndex, *words: str) -> None:
    """Let the environment's pip install from an index."""
    # pip takes an empty variable for none.
    env = {name: value or "" for name, value in index.env.items()}
    pyve.ok("run", "python", "-m", "pip", "install", *words, **env)


def site(pyve: Pyve) -> Path:
    """Return the environment's site-packages."""
    environment = pyve.conda if isinstance(pyve, CondaUser) else pyve.venv
    (folder,) = environment.glob("lib/python3.*/site-packages")
    return folder


def info(pyve: Pyve, name: str = "idna") -> Path:
    """Return the .dist-info of a distribution."""
    (folder,) = site(pyve).glob(f"{name}-*.dist-info")
    return folder


def lose_idna(pyve: Pyve) -> None:
    shutil.rmtree(info(pyve))
    shutil.rmtree(site(pyve) / "idna")


def have_old_idna(pyve: Pyve) -> None:
    folder = info(pyve)
    version = folder.name[len("idna-") : -len(".dist-info")]
    for name in ("METADATA", "RECORD"):
        path = folder / name
        path.write_text(path.read_text().replace(version, "2.0"))
    folder.rename(folder.with_name("idna-2.0.dist-info"))


def have_idna_twice(pyve: Pyve) -> None:
    stale = site(pyve) / "idna-1.0.dist-info"
    stale.mkdir()
    (stale / "METADATA").write_text("Metadata-Version: 2.1\nName: IDNA\nVersion: 1.0\n\n")
    (stale / "INSTALLER").write_text("pip\n")
    (stale / "RECORD").write_text("idna/__init__.py,sha256=AAAA,10\nidna-1.0.dist-info/RECORD,,\n")


def leave_what_pip_renamed(pyve: Pyve) -> None:
    for name in ("~dna", "~dna-3.0.dist-info"):
        (site(pyve) / name).mkdir()
        (site(pyve) / name / "METADATA").write_text("Name: idna\nVersion: 3.0\n")


def lose_record(pyve: Pyve) -> None:
    (info(pyve) / "RECORD").unlink()


def lose_metadata(pyve: Pyve) -> None:
    (info(pyve) / "METADATA").unlink()


def put_a_hook(pyve: Pyve) -> None:
    (site(pyve) / "zz.pth").write_text("# nothing\nimport os; os.environ.get('X')\n")


def put_a_customisation(pyve: Pyve) -> None:
    (site(pyve) / "usercustomize.py").write_text("VALUE = 1\n")


MISSING = Fault(
    "missing",
    "packages-broken",
    "E_PACKAGES_MISSING",
    lose_idna,
    says=("needs idna>=2.8, which is not installed",),
)
LEFTOVER = Fault(
    "leftover",
    "packages-damaged",
    "W_PACKAGES_LEFTOVER",
    leave_what_pip_renamed,
    "asked",
    ("~dna",),
)
HOOK = Fault(
    "hook",
    "packages-startup",
    "W_PACKAGES_STARTUP",
    put_a_hook,
    "asked",
    ("zz.pth runs at each start", "import os; os.environ.get('X')", "belongs to no package"),
)
WRONG = Fault(
    "wrong version",
    "packages-broken",
    "W_PACKAGES_WRONG",
    have_old_idna,
    "paste",
    ("needs idna>=2.8, and idna 2.0 is installed",),
)
FAULTS = [
    MISSING,
    WRONG,
    Fault(
        "twice",
        "packages-duplicate",
        "W_PACKAGES_DUPLICATE",
        have_idna_twice,
        "asked",
        ("idna is installed more than once", "idna-1.0.dist-info is not what is on disk"),
    ),
    LEFTOVER,
    Fault("no record", "packages-damaged", "W_PACKAGES_DAMAGED", lose_record, "asked", ("RECORD",)),
    Fault(
        "no metadata",
        "packages-damaged",
        "W_PACKAGES_DAMAGED",
        lose_metadata,
        "asked",
        ("METADATA",),
    ),
    HOOK,
    Fault(
        "customisation",
        "packages-startup",
        "W_PACKAGES_STARTUP",
        put_a_customisation,
        "asked",
        ("usercustomize.py",),
    ),
]
IN_BOTH = [MISSING, WRONG, LEFTOVER, HOOK]


@brings(
    "E_PACKAGES_MISSING",
    "W_PACKAGES_WRONG",
    "W_PACKAGES_DUPLICATE",
    "W_PACKAGES_LEFTOVER",
    "W_PACKAGES_DAMAGED",
    "W_PACKAGES_STARTUP",
)
@pytest.mark.venv
@pytest.mark.parametrize(
    ("code", "fault"), [(fault.code, fault) for fault in FAULTS], ids=[f.name for f in FAULTS]
)
def test_each_fault_of_packages_is_named_and_mended(pyve: Pyve, code: str, fault: Fault) -> None:
    fault.inject(pyve)
    before = snapshot(pyve.project)
    failure = find_fault(pyve, fault, {})
    assert snapshot(pyve.project) == before
    mend_fault(failure, fault)
    assert "3." in pyve.ok("run", "python", "-c", "import idna; print(idna.__version__)")


@pytest.mark.micromamba
@pytest.mark.parametrize("fault", IN_BOTH, ids=[fault.name for fault in IN_BOTH])
def test_the_same_in_a_conda_environment(user: Pyve, fault: Fault) -> None:
    fault.inject(user)
    mend_fault(find_fault(user, fault, {}), fault)


@pytest.mark.venv
def test_hooks_of_packages_are_noted_and_those_that_hide_something_are_warned_of(
    pyve: Pyve,
) -> None:
    """setuptools brings a hook that is known; another package's is noted, unless it looks bad."""
    assert (site(pyve) / "distutils-precedence.pth").is_file()
    checks = {item["id"]: item for item in diagnose(pyve)["detail"]["checks"]}
    assert checks["packages-startup"]["status"] == "ok"
    record = info(pyve) / "RECORD"
    usual = record.read_text()
    hook = site(pyve) / "idna_hook.pth"
    for line, status in (("import idna", "note"), ("import base64; exec(base64)", "warning")):
        hook.write_text(f"{line}\n")
        digest = hashlib.sha256(hook.read_bytes()).digest()
        code = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        record.write_text(f"{usual}idna_hook.pth,sha256={code},{hook.stat().st_size}\n")
        checks = {item["id"]: item for item in diagnose(pyve)["detail"]["checks"]}
        assert checks["packages-startup"]["status"] == status, line
        assert "idna_hook.pth" in checks["packages-startup"]["message"]
    # What was changed after it was installed is nobody's any more.
    hook.write_text("import idna as changed\n")
    checks = {item["id"]: item for item in diagnose(pyve)["detail"]["checks"]}
    assert checks["packages-startup"]["status"] == "warning"
    hook.unlink()
    record.write_text(usual)


@pytest.mark.venv
def test_nothing_of_the_environment_is_executed_and_a_foreign_pip_is_no_duplicate(
    pyve: Pyve,
) -> None:
    """A pip of the environment's own lies in front of the one that all environments share."""
    proof = pyve.project / "executed"
    (site(pyve) / "zz.pth").write_text(f"import os; open({str(proof)!r}, 'w')\n")
    with PackageIndex() as index:
        install(pyve, index, "--ignore-installed", "pip")
    proof.unlink(missing_ok=True)
    result = pyve("doctor", "--json", "--only", "packages-duplicate", "--only", "packages-broken")
    assert result.returncode == 0, result.stdout
    pyve("doctor", "--json", "--only", "packages-startup")
    # (Only looking at the interpreter itself starts it, without its site-packages.)
    assert not proof.exists()
    (site(pyve) / "zz.pth").unlink()

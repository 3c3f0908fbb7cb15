"""Each code about Pyve's own tools and the helpers in them: brought about, mended, gone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from conda_channel import CondaChannel
from conda_codes import INIT, bring_helper, check_helper, copy_pyve
from conda_engine_helpers import toolchain_python
from conda_helpers import STAND_IN
from conda_project import CondaUser
from pyve_test_helpers import TOOLCHAIN, real_python

pytestmark = pytest.mark.micromamba

# Installs what the tests' own toolchain has, by a link to it; while CONDITION is true it fails.
UV = """#!/bin/sh
if CONDITION; then
  printf '%s\\n' 'SAYS' >&2
  exit 2
fi
for folder in "${4%/bin/python}"/lib/python3*/site-packages; do
  printf '%s\\n' 'PLACE' >"$folder/all.pth"
done
"""


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user whose project asks for one small package, and who has no toolchain yet."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    user.env["PYVE_TOOLCHAIN"] = str(user.root / "tools of user")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        user.env.pop(name)
    set_uv(user)
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def set_uv(user: CondaUser, condition: str = "false", says: str = "") -> None:
    """Let uv fail, saying something, while a condition of sh is true."""
    (place,) = toolchain_python().parent.parent.glob("lib/python3*/site-packages")
    text = UV.replace("CONDITION", condition).replace("SAYS", says)
    user.add_program("uv", text.replace("PLACE", str(place)))


def give_micromamba(user: CondaUser) -> None:
    """Let the bootstrap fetch the stand-in."""
    digest = hashlib.sha256(STAND_IN.read_bytes()).hexdigest()
    user.env.update(PYVE_MICROMAMBA_URL=STAND_IN.as_uri(), PYVE_MICROMAMBA_SHA256=digest)


def tools(user: CondaUser) -> Path:
    """Return the user's toolchain."""
    (folder,) = (user.root / "tools of user").iterdir()
    return folder


# --- making it


@brings("E_TOOLCHAIN_OFFLINE", "E_TOOLCHAIN_HASH")
@pytest.mark.parametrize(
    ("code", "variable", "says"),
    [
        ("E_TOOLCHAIN_OFFLINE", "UV_OFFLINE", "error: Network connectivity is disabled"),
        ("E_TOOLCHAIN_OFFLINE", "UV_INDEX_URL", "error: dns error: no such host"),
        ("E_TOOLCHAIN_HASH", "UV_INDEX_URL", "error: Hash mismatch for packaging"),
    ],
)
def test_a_setting_leads_to_another_index(
    user: CondaUser, code: str, variable: str, says: str
) -> None:
    set_uv(user, f'[ -n "${variable}" ]', says)
    failure = mends(
        user, code, *INIT, fix=f"env -u {variable} pyve init --no-direnv", **{variable: "1"}
    )
    failure.says(says.partition("error: ")[2])


@brings("E_TOOLCHAIN_OFFLINE")
@pytest.mark.parametrize("how", ["network", "certificate"])
def test_the_index_cannot_be_reached(user: CondaUser, how: str) -> None:
    flag = user.root / "down"
    if how == "network":
        flag.touch()
        set_uv(user, f"[ -e '{flag}' ]", "error: dns error: no such host")
        failure = bring(user, "E_TOOLCHAIN_OFFLINE", *INIT)
        failure.says("no such host")
        assert failure.fixes[0].text == "pyve init --no-direnv"
        flag.unlink()
    else:
        set_uv(user, '[ -z "$UV_SYSTEM_CERTS" ]', "error: invalid peer certificate: UnknownIssuer")
        failure = bring(user, "E_TOOLCHAIN_OFFLINE", *INIT)
        failure.says("UnknownIssuer")
    failure.apply()
    failure.check_gone(CI="1")


@brings("E_TOOLCHAIN_WHEEL", "E_TOOLCHAIN_INSTALL", "E_TOOLCHAIN_BROKEN")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("E_TOOLCHAIN_WHEEL", "error: pyyaml has no wheels with a matching Python ABI tag"),
        ("E_TOOLCHAIN_INSTALL", "error: it is not my day"),
        ("E_TOOLCHAIN_BROKEN", ""),
    ],
)
def test_the_built_in_engine_is_not_for_this_machine(user: CondaUser, code: str, says: str) -> None:
    set_uv(user, "true", says)
    if code == "E_TOOLCHAIN_BROKEN":
        # An installer that installs nothing.
        user.add_program("uv", "#!/bin/sh\nexit 0\n")
    failure = bring(user, code, *INIT)
    failure.says(says.partition("error: ")[2] or "No module named 'rattler'")
    assert failure.fixes[0].text == "pyve init --engine micromamba --auto-bootstrap"
    assert failure.fixes[-1].text == "pyve init --no-direnv"
    give_micromamba(user)
    failure.apply()
    assert user.state()["engine"] == "micromamba"
    failure.check_gone(CI="1")


@brings("E_TOOLCHAIN_PYTHON")
def test_there_is_no_python_for_it(user: CondaUser) -> None:
    user.remove_pythons()
    (user.bin / "uv").unlink()
    text = f"#!/bin/sh\nln -s '{real_python()}' '{user.bin}/python3'\n"
    user.add_program("apt-get", text)
    user.add_program("sudo", '#!/bin/sh\nexec "$@"\n')
    failure = bring(user, "E_TOOLCHAIN_PYTHON", *INIT)
    failure.says(">=3.10", "found: none")
    assert "apt-get" in failure.fixes[0].argv
    failure.apply()
    set_uv(user)
    failure.check_gone()


@brings("E_TOOLCHAIN_EXTRA")
def test_its_requirements_are_gone(user: CondaUser) -> None:
    file = copy_pyve(user) / "helpers/requirements/conda.txt"
    kept = file.rename(file.with_suffix(".kept"))
    failure = bring(user, "E_TOOLCHAIN_EXTRA", *INIT)
    failure.by_hand("helpers/requirements/conda.txt", str(user.tree), "install it again")
    kept.rename(file)
    failure.check_gone()


@brings("E_DATA_WRITE")
def test_its_folder_cannot_be_written(user: CondaUser) -> None:
    folder = user.root / "tools of user"
    folder.write_text("a file")
    failure = mends(user, "E_DATA_WRITE", *INIT, fix=f"mv '{folder}' '{folder}.old'")
    failure.says(str(folder), "not a folder", "PYVE_TOOLCHAIN")
    if Path("/proc/self").exists():
        failure = bring(user, "E_DATA_WRITE", "lock", "--check", PYVE_TOOLCHAIN="/proc/pyve")
        failure.says("/proc/pyve")
        assert failure.fixes[0].text == "env -u PYVE_TOOLCHAIN pyve lock --check"


@brings("E_DISK_FULL")
def test_there_is_no_room_for_it(user: CondaUser) -> None:
    set_uv(user, "true", "error: failed to copy: No space left on device (os error 28)")
    failure = bring(user, "E_DISK_FULL", *INIT)
    failure.by_hand(str(user.root / "tools of user"), "make room there")
    set_uv(user)
    failure.check_gone()


# --- using it


@brings("E_HELPER", "E_ENGINE_MISSING")
@pytest.mark.parametrize(
    ("code", "how"),
    [("E_HELPER", "python"), ("E_HELPER", "package"), ("E_ENGINE_MISSING", "package")],
)
def test_it_is_damaged(user: CondaUser, code: str, how: str) -> None:
    user.ok(*INIT)
    folder = tools(user)
    words = (*INIT, "--force", "--yes")
    if how == "python":
        (folder / "bin/python").unlink()
        (folder / "bin/python").write_text("#!/bin/sh\nexit 4\n")
        (folder / "bin/python").chmod(0o755)
        said = "ended with status 4 and no answer"
    elif code == "E_HELPER":
        (file,) = folder.glob("lib/python3*/site-packages/all.pth")
        file.unlink()
        said = "No module named 'yaml'"
    else:
        (file,) = folder.glob("lib/python3*/site-packages/all.pth")
        place = Path(file.read_text().strip())
        for name in ("yaml", "packaging"):
            (file.parent / name).symlink_to(place / name)
        file.unlink()
        said = "No module named 'rattler'"
    failure = mends(user, code, *words, fix=f"rm -rf '{folder}'")
    failure.says(said)


@brings("E_HELPER_USAGE")
def test_a_helper_is_called_in_a_wrong_way(user: CondaUser) -> None:
    failure = bring_helper(user, "E_HELPER_USAGE", "environment_file", "environment")
    # (Nobody but Pyve calls helpers; the registry says what to do.)
    assert not failure.says("the helper needs --file").fixes
    failure.args = (*failure.args, "--file", "environment.yml")
    check_helper(failure)


@brings("E_CONTENT_HASH")
def test_a_hash_takes_conda_lock(user: CondaUser) -> None:
    place = user.root / "base"
    command = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(place)]
    subprocess.run(command, check=True)
    (packages,) = place.glob("lib/python3*/site-packages")
    (source,) = toolchain_python().parent.parent.glob("lib/python3*/site-packages")
    for name in ("yaml", "packaging"):
        (packages / name).symlink_to(source / name)
    user.manifest("libwater[version='>=1']")
    user.env["PYVE_TOOLCHAIN"] = str(TOOLCHAIN)
    args = ("environment_file", "content-hash", "--file", "environment.yml", "--platform")
    platform = user.channel.platform
    failure = bring_helper(user, "E_CONTENT_HASH", *args, platform, python=place / "bin/python")
    failure.says("rare form")
    failure.apply()
    check_helper(failure, python=toolchain_python())

"""Each code about files, .env, direnv, trust and Pyve's installation: brought about and mended."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from code_cases import Failure, bring, brings, corrects, mends
from pyve_test_helpers import (
    TREE,
    Pyve,
    find_program,
    mode,
    obey_modes,
    python_version,
    series,
)

pytestmark = pytest.mark.venv

HERE = series(python_version())


@pytest.fixture
def project(pyve: Pyve) -> Pyve:
    """A user whose project has an environment."""
    pyve.init()
    return pyve


# --- files of the project


@brings("E_FILE_LINK")
def test_a_link_in_the_place_of_a_file(pyve: Pyve) -> None:
    elsewhere = pyve.root / "elsewhere"
    elsewhere.write_text("3.9\n")
    (pyve.project / ".python-version").symlink_to(elsewhere)
    fix = "mv .python-version .python-version.old"
    mends(pyve, "E_FILE_LINK", "python-version", HERE, fix=fix).says(".python-version")
    assert elsewhere.read_text() == "3.9\n"


@brings("E_FILE_KIND")
def test_a_file_that_is_no_text(pyve: Pyve) -> None:
    path = pyve.project / ".python-version"
    path.write_bytes(b"3.9\n\0")
    fix = "mv .python-version .python-version.old"
    mends(pyve, "E_FILE_KIND", "python-version", HERE, fix=fix).says(".python-version")
    assert path.with_name(".python-version.old").read_bytes() == b"3.9\n\0"


@brings("E_FILE_WRITE")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".gitignore", ["init"]),
        (".python-version", ["python-version", HERE]),
        (".pyve/lock", ["python-version", HERE]),
    ],
)
def test_a_folder_in_the_place_of_a_file(pyve: Pyve, name: str, words: list[str]) -> None:
    pyve.write(f"{name}/kept", "")
    mends(pyve, "E_FILE_WRITE", *words, fix=f"mv {name} {name}.old").says(name)
    assert (pyve.project / f"{name}.old/kept").exists()


@brings("E_FILE_WRITE")
def test_a_file_in_the_place_of_a_folder(pyve: Pyve) -> None:
    pyve.write(".pyve", "mine")
    pyve.write(".pyve.old", "older")
    mends(pyve, "E_FILE_WRITE", "init").says(str(pyve.project))
    assert (pyve.project / ".pyve.old2").read_text() == "mine"


@brings("E_FILE_WRITE")
@pytest.mark.parametrize("words", [["init"], ["purge"], ["python-version", HERE]])
def test_a_project_without_permission(pyve: Pyve, words: list[str]) -> None:
    if words == ["purge"]:
        pyve.init()
    pyve.before = obey_modes()
    pyve.project.chmod(0o555)
    mends(pyve, "E_FILE_WRITE", *words).says("no permission")


@brings("E_FILE_WRITE")
def test_a_file_that_is_write_protected(pyve: Pyve) -> None:
    pyve.before = obey_modes()
    pyve.write(".tool-versions", "python 3.9.1\n").chmod(0o444)
    pyve.add_managed_python("asdf", find_program("python3"), python_version())
    (pyve.home / ".asdf/plugins/python").mkdir(parents=True)
    pyve.add_program("asdf", "#!/bin/sh\nexit 1\n")
    words = ("python-version", python_version())
    mends(pyve, "E_FILE_WRITE", *words).says(".tool-versions", "write-protected")


@brings("E_FILE_READ")
def test_a_template_that_cannot_be_read(pyve: Pyve) -> None:
    template = pyve.home / ".local/.env"
    template.parent.mkdir()
    template.write_text("A=1\n")
    template.chmod(0)
    pyve.before = obey_modes()
    mends(pyve, "E_FILE_READ", "init", "--local-env").says("~/.local/.env", "no permission")
    assert (pyve.project / ".env").read_text() == "A=1\n"


# --- .env


@brings("W_ENV_FOLDER")
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_an_env_file_that_is_none(pyve: Pyve, kind: str) -> None:
    path = pyve.project / ".env"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    mends(pyve, "W_ENV_FOLDER", "init", "--yes", fix="mv .env .env.old").says(".env")
    assert mode(path) == 0o600


@brings("W_ENV_LINK")
def test_an_env_file_that_leads_nowhere(pyve: Pyve) -> None:
    (pyve.project / ".env").symlink_to("gone")
    mends(pyve, "W_ENV_LINK", "init", "--yes", fix="mv .env .env.old").says(".env")


@brings("W_ENV_MODE")
def test_an_env_file_that_others_can_read(pyve: Pyve) -> None:
    elsewhere = pyve.root / "elsewhere"
    elsewhere.write_text("A=1\n")
    elsewhere.chmod(0o644)
    (pyve.project / ".env").symlink_to(elsewhere)
    mends(pyve, "W_ENV_MODE", "init", "--yes", fix="chmod 600 .env")
    assert mode(elsewhere) == 0o600


@brings("W_ENV_MODE")
def test_a_template_that_others_can_read(pyve: Pyve) -> None:
    template = pyve.home / ".local/.env"
    template.parent.mkdir()
    template.write_text("A=1\n")
    template.chmod(0o644)
    mends(pyve, "W_ENV_MODE", "init", "--local-env", "--yes").says("~/.local/.env")
    assert mode(template) == 0o600


@brings("W_ENV_TEMPLATE")
@pytest.mark.parametrize("how", ["none", "folder", "there"])
def test_a_template_that_is_not_copied(pyve: Pyve, how: str) -> None:
    template = pyve.home / ".local/.env"
    if how == "folder":
        template.mkdir(parents=True)
    elif how == "there":
        template.parent.mkdir()
        template.touch(mode=0o600)
        pyve.write(".env", "A=1\n").chmod(0o600)
    failure = bring(pyve, "W_ENV_TEMPLATE", "init", "--local-env", "--yes", "--no-direnv")
    failure.by_hand("~/.local/.env", ".env")
    if how == "folder":
        template.rmdir()
    elif how == "there":
        (pyve.project / ".env").unlink()
    template.parent.mkdir(exist_ok=True)
    template.touch(mode=0o600)
    failure.check_gone()


@brings("W_BACKEND_AMBIGUOUS")
def test_files_of_both_backends(pyve: Pyve) -> None:
    pyve.write("environment.yml", "name: x\ndependencies: []\n")
    pyve.write("requirements.txt", "")
    failure = bring(pyve, "W_BACKEND_AMBIGUOUS", "init", "--yes", "--no-direnv")
    failure.by_hand("environment.yml", "requirements.txt", "--backend venv")
    # The config has it now.
    failure.check_gone()


@brings("W_SITECUSTOMIZE")
def test_a_sitecustomize_of_somebody_else(pyve: Pyve) -> None:
    """The function alone: a new environment has one only where a conda package brings it."""
    folder = pyve.root / "site packages"
    folder.mkdir()
    shim = folder / "sitecustomize.py"
    shim.write_text("x = 1\n")
    script = '. "$1/lib/distutils_shim.sh"; pyve_write_sitecustomize_shim "$2"'
    result = pyve.execute("bash", "-c", script, "-", TREE, folder)
    assert result.returncode == 0
    for part in ("WARNING: ", str(shim), "[W_SITECUSTOMIZE]", "PYVE_DISABLE_DISTUTILS_SHIM=1"):
        assert part in result.stderr
    assert shim.read_text() == "x = 1\n"
    shim.unlink()
    result = pyve.execute("bash", "-c", script, "-", TREE, folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert "distutils" in shim.read_text()
    Failure(pyve, "W_SITECUSTOMIZE", (), {}, {}, {}, "", []).count_as_gone()


@brings("W_ENV_MODE")
def test_an_env_file_on_a_file_system_without_modes(project: Pyve) -> None:
    """A chmod that does nothing is what such a file system looks like."""
    path = project.project / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    project.add_program("chmod", "#!/bin/sh\n")
    failure = bring(project, "W_ENV_MODE", "init", "--update")
    failure.by_hand(".env", "has modes")
    (project.bin / "chmod").unlink()
    failure.check_gone()


@brings("W_ENV_NOT_IGNORED")
def test_an_env_file_that_git_would_take_in(pyve: Pyve) -> None:
    path = pyve.write(".gitignore", ".env\n!.env*\n")
    failure = bring(pyve, "W_ENV_NOT_IGNORED", "init", "--yes")
    failure.by_hand("!.env*", ".gitignore", "take it out")
    path.write_text(path.read_text().replace("!.env*\n", ""))
    (pyve.project / ".env").unlink()
    failure.check_gone()


@brings("W_ENV_TRACKED")
def test_an_env_file_that_git_tracks(pyve: Pyve) -> None:
    pyve.execute(find_program("git"), "init", "-q")
    pyve.write(".env", "A=1\n")
    pyve.execute(find_program("git"), "add", ".env")
    mends(pyve, "W_ENV_TRACKED", "init", "--yes", fix="git rm --cached .env").says(".env")
    assert (pyve.project / ".env").read_text() == "A=1\n"


# --- direnv and trust


def add_direnv(pyve: Pyve) -> Path:
    """Put a direnv on PATH that notes what it allows, unless it cannot; returns that place."""
    allowed = pyve.root / "allowed"
    script = f"#!/bin/sh\ntouch '{allowed}/yes' || {{ echo 'no record' >&2; exit 1; }}\n"
    pyve.add_program("direnv", script)
    return allowed


@brings("E_DIRENV_ALLOW")
def test_a_direnv_that_fails(pyve: Pyve) -> None:
    allowed = add_direnv(pyve)
    failure = bring(pyve, "E_DIRENV_ALLOW", "init", "--allow", "--yes").says("no record")
    allowed.mkdir()
    failure.apply()
    assert list(allowed.iterdir())
    failure.check_gone()


@brings("W_ENVRC_FOREIGN")
def test_an_envrc_of_another_hand(pyve: Pyve) -> None:
    allowed = add_direnv(pyve)
    allowed.mkdir()
    pyve.write(".envrc", "export A=1\n")
    failure = corrects(pyve, "W_ENVRC_FOREIGN", "init", "--allow", fix="direnv allow")
    assert list(allowed.iterdir())
    assert failure.document["exit_code"] == 0


@brings("E_TRUST_WRITE")
def test_a_file_in_the_way_of_the_records_of_trust(project: Pyve) -> None:
    shutil.rmtree(project.home / ".local/state")
    (project.home / ".local/state").write_text("")
    failure = mends(project, "E_TRUST_WRITE", "hook", "--trust")
    failure.says(str(project.project), str(project.home / ".local/state"))


@brings("E_TRUST_WRITE")
def test_records_of_trust_without_permission(project: Pyve) -> None:
    folder = project.home / ".local/state/pyve/trust"
    for path in folder.iterdir():
        path.unlink()
    folder.chmod(0o500)
    project.before = obey_modes()
    mends(project, "E_TRUST_WRITE", "hook", "--trust").says(str(folder))


@brings("E_DIGEST")
def test_a_machine_that_makes_no_digests(project: Pyve) -> None:
    tools = project.root / "few tools"
    tools.mkdir()
    (everything,) = (Path(p) for p in project.env["PATH"].split(os.pathsep) if "tools of" in p)
    for entry in everything.iterdir():
        if entry.name not in {"sha256sum", "shasum", "openssl", "apt-get"}:
            (tools / entry.name).symlink_to(os.readlink(entry))
    project.remove_pythons()
    project.env["PATH"] = os.pathsep.join([str(project.bin), str(tools)])
    found = shutil.which("sha256sum") or shutil.which("shasum")
    for name in ("apt-get", "dnf", "apk", "pacman", "brew"):
        program = f"#!/bin/sh\nln -s {found} '{project.bin}/{Path(str(found)).name}'\n"
        project.add_program(name, program)
    project.add_program("sudo", '#!/bin/sh\nexec "$@"\n')
    failure = mends(project, "E_DIGEST", "hook", "--trust")
    failure.says("sha256sum", "openssl")
    assert [item["code"] for item in failure.document["diagnostics"]] == ["E_DIGEST"]


# --- installing Pyve


@pytest.fixture
def newcomer(pyve: Pyve) -> Pyve:
    """A user of bash who installs Pyve."""
    pyve.env["SHELL"] = "/bin/bash"
    return pyve


@brings("E_INSTALL_BUSY")
def test_two_at_the_same_time(newcomer: Pyve) -> None:
    with subprocess.Popen(["sleep", "300"]) as other:
        script = '. "$1/lib/project_lock.sh"; process_identity "$2"; printf %s "$REPLY"'
        argv = ["/bin/bash", "-c", script, "-", str(TREE), str(other.pid)]
        identity = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        folder = newcomer.home / ".local/share/pyve"
        folder.mkdir(parents=True)
        (folder / "install.lock").symlink_to(identity)
        failure = bring(newcomer, "E_INSTALL_BUSY", "self", "install")
        failure.by_hand(f"process {other.pid}", "wait until it has ended")
        other.terminate()
    failure.check_gone()


@brings("E_INSTALL_COPY")
def test_a_disk_that_is_full(newcomer: Pyve) -> None:
    newcomer.before = ("bash", "-c", 'ulimit -f 8; exec "$@"', "-")
    failure = bring(newcomer, "E_INSTALL_COPY", "self", "install")
    failure.by_hand(str(newcomer.home / ".local/share/pyve"), "make room")
    newcomer.before = ()
    failure.check_gone()


@brings("E_INSTALL_FOREIGN")
def test_another_program_of_that_name(newcomer: Pyve) -> None:
    link = newcomer.home / ".local/bin/pyve"
    link.parent.mkdir(parents=True)
    link.write_text("#!/bin/sh\n")
    mends(newcomer, "E_INSTALL_FOREIGN", "self", "install").says(str(link))
    assert link.with_name("pyve.old").read_text() == "#!/bin/sh\n"


@brings("E_INSTALL_HOME")
def test_a_home_that_is_not_there(newcomer: Pyve) -> None:
    gone = str(newcomer.root / "gone")
    failure = bring(newcomer, "E_INSTALL_HOME", "self", "install", HOME=gone)
    failure.by_hand(gone, "set it to your home folder")
    failure.check_gone(HOME=None)


@brings("E_INSTALL_SOURCE")
def test_a_tree_that_is_not_whole(newcomer: Pyve) -> None:
    """Somebody gave pyve.sh another name."""
    tree = newcomer.root / "tree"
    tree.mkdir()
    shutil.copytree(TREE / "lib", tree / "lib")
    shutil.copy2(TREE / "pyve.sh", tree / "pyve")
    newcomer.tree = newcomer.root / "links"
    newcomer.tree.mkdir()
    (newcomer.tree / "pyve.sh").symlink_to(tree / "pyve")
    failure = bring(newcomer, "E_INSTALL_SOURCE", "self", "install")
    failure.by_hand(str(tree), "pyve.sh", "fetch Pyve anew")
    newcomer.tree = TREE
    failure.check_gone()


@brings("E_INSTALL_WRITE")
@pytest.mark.parametrize("name", [".local/bin", ".local/share/pyve", ".local"])
def test_a_file_in_the_way_of_the_installation(newcomer: Pyve, name: str) -> None:
    path = newcomer.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    mends(newcomer, "E_INSTALL_WRITE", "self", "install").says(str(newcomer.home / ".local"))
    assert path.with_name(f"{path.name}.old").read_text() == "mine"


@brings("W_INSTALL_ENV")
def test_a_template_that_cannot_be_made(newcomer: Pyve) -> None:
    local = newcomer.home / ".local"
    (local / "bin").mkdir(parents=True)
    (local / "share").mkdir()
    local.chmod(0o555)
    newcomer.before = obey_modes()
    mends(newcomer, "W_INSTALL_ENV", "self", "install").says(str(local / ".env"))
    assert (local / ".env").is_file()


@brings("E_RC_WRITE")
@pytest.mark.parametrize("kind", ["folder", "protected"])
def test_a_start_up_file_that_cannot_be_written(newcomer: Pyve, kind: str) -> None:
    path = newcomer.home / ".bashrc"
    if kind == "folder":
        path.mkdir()
    else:
        newcomer.before = obey_modes()
        path.write_text("alias a=b\n")
        path.chmod(0o444)
    mends(newcomer, "E_RC_WRITE", "self", "install").says(str(path))
    assert "Added by pyve installer" in path.read_text()


@brings("E_RC_WRITE")
def test_a_start_up_file_on_uninstalling(newcomer: Pyve) -> None:
    newcomer.ok("self", "install")
    path = newcomer.home / ".bashrc"
    path.chmod(0o444)
    newcomer.before = obey_modes()
    mends(newcomer, "E_RC_WRITE", "self", "uninstall", "--yes").says(str(path))
    assert not (newcomer.home / ".local/bin/pyve").exists()


@brings("E_RC_WRITE")
def test_a_start_up_file_that_is_no_text(newcomer: Pyve) -> None:
    path = newcomer.home / ".bashrc"
    path.write_bytes(b"a\0b\n")
    failure = bring(newcomer, "E_RC_WRITE", "self", "install")
    failure.by_hand("NUL", "by hand", ".local/bin")
    path.write_text("# text\n")
    failure.check_gone()


# --- Pyve itself


@brings("E_INTERNAL")
def test_a_step_that_fails_without_a_word(pyve: Pyve) -> None:
    """A file of Pyve's own is damaged."""
    pyve.tree = pyve.root / "tree"
    pyve.tree.mkdir()
    shutil.copytree(TREE / "lib", pyve.tree / "lib")
    shutil.copy2(TREE / "pyve.sh", pyve.tree / "pyve.sh")
    room = pyve.tree / "lib/commands/config.sh"
    room.write_text("cmd_config() { return 3; }\n")
    failure = bring(pyve, "E_INTERNAL", "config").says("status 3", "mistake in Pyve")
    failure.apply(status=(3,))
    shutil.copy2(TREE / "lib/commands/config.sh", room)
    failure.check_gone()

"""pyve doctor as a whole: --only, --list, --fix, --report, JSON, and when all else is broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from code_cases import bring, brings, corrects, mends, read_registry
from conda_channel import CondaChannel
from conda_project import CondaUser
from doctor_faults import diagnose
from pyve_test_helpers import TREE, Pyve, find_program, snapshot

pytestmark = pytest.mark.venv

LIST = TREE / "lib" / "doctor" / "list.sh"


def listed() -> list[tuple[str, str, str, str]]:
    """Return id, module, kind and meaning of each check, as the list has them."""
    lines = re.findall(r'^  "([^"]+)"$', LIST.read_text(), re.MULTILINE)
    checks = []
    for line in lines:
        name, module, kind, about = line.split(" ", 3)
        checks.append((name, module, kind, about))
    return checks


def give_up_privileges(pyve: Pyve) -> list[str]:
    """Return what stands before a command so that files which nobody may read cannot be read."""
    if os.geteuid() != 0:
        return []
    drop = "-dac_override,-dac_read_search"
    return [find_program("setpriv"), f"--inh-caps={drop}", f"--bounding-set={drop}"]


class PlainUser(Pyve):
    """A user whom file modes keep out."""

    def command(self, *args: str) -> list[str]:
        """Return the argument vector of a pyve command."""
        return [*give_up_privileges(self), *super().command(*args)]


@pytest.fixture
def plain(tmp_path: Path, template_cache: Path) -> PlainUser:
    """Such a user, with an empty project."""
    return PlainUser(tmp_path, template_cache)


# --- the list


def test_every_check_has_an_id_a_function_and_a_meaning() -> None:
    names = [name for name, *_ in listed()]
    assert len(names) == len(set(names)) > 40
    for name, module, kind, about in listed():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert kind in {"structural", "other"}
        assert about
        text = (TREE / f"lib/doctor/{module}.sh").read_text()
        assert f"\ncheck_{name.replace('-', '_')}() {{" in text, name


def test_every_code_of_a_check_is_in_the_registry_with_a_check_of_the_list() -> None:
    names = {name for name, *_ in listed()}
    registry = read_registry()
    codes = set()
    for path in sorted((TREE / "lib/doctor").glob("*.sh")):
        codes |= set(re.findall(r"\bfound ([EWI]_[A-Z0-9_]+)", path.read_text()))
    assert len(codes) > 40
    for code in codes:
        assert code in registry, code
        assert set(registry[code].get("Check", ["none"])) <= names, code
    # And the other way round: a check that the registry names is one.
    for code, fields in registry.items():
        assert set(fields.get("Check", [])) <= names, code


def test_list_shows_them_to_people_and_programs(pyve: Pyve) -> None:
    lines = pyve.ok("doctor", "--list").splitlines()
    assert [line.split()[0] for line in lines] == [name for name, *_ in listed()]
    assert "path-order" in {line.split()[0] for line in lines}
    known = diagnose(pyve, "--list")["detail"]["known_checks"]
    assert [(item["id"], item["kind"], item["about"]) for item in known] == [
        (name, kind, about) for name, _, kind, about in listed()
    ]
    assert snapshot(pyve.project) == {}


# --- only


def test_only_runs_the_checks_that_are_named(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    assert pyve.ok("doctor", "--only", "pyve-version") == "✓ Version: 2.0.0\n"
    result = pyve("doctor", "--only", "pyve-version", "--only", "dotenv-mode")
    assert result.returncode == 2
    assert [line[:2] for line in result.stdout.splitlines()] == ["✓ ", "⚠ ", "  ", "  "]
    document = diagnose(pyve, "--only", "dotenv-mode,pyve-version")
    assert [item["id"] for item in document["detail"]["checks"]] == ["dotenv-mode", "pyve-version"]


@brings("E_DOCTOR_CHECK")
def test_only_proposes_the_id_that_was_meant(pyve: Pyve) -> None:
    pyve.init()
    failure = corrects(pyve, "E_DOCTOR_CHECK", "doctor", "--only", "dotenv-mod")
    assert failure.fixes[0].argv == ["pyve", "doctor", "--only", "dotenv-mode"]
    failure.says("did you mean 'dotenv-mode'?")
    assert "fix: pyve doctor --list" in pyve.fails("doctor", "--only", "banana")


# --- JSON


def test_the_answer_for_programs_has_every_check_and_what_it_came_to(pyve: Pyve) -> None:
    pyve.init()
    document = diagnose(pyve)
    checks = {item["id"]: item for item in document["detail"]["checks"]}
    assert list(checks) == [name for name, *_ in listed()]
    assert checks["environment-missing"] == {
        "id": "environment-missing",
        "status": "ok",
        "message": "Environment: .venv",
    }
    assert checks["testenv"]["status"] == "note"
    (pyve.project / ".env").chmod(0o644)
    (pyve.venv / "bin/python").unlink()
    document = diagnose(pyve)
    checks = {item["id"]: item["status"] for item in document["detail"]["checks"]}
    assert (checks["interpreter-gone"], checks["dotenv-mode"]) == ("error", "warning")
    assert {item["code"]: item["context"] for item in document["diagnostics"]} == {
        "E_INTERPRETER_GONE": {"check": "interpreter-gone"},
        "W_ENV_MODE": {"check": "dotenv-mode"},
    }
    (fix,) = document["diagnostics"][1]["fix"]
    assert fix == {"command": ["chmod", "600", ".env"], "risk": "safe", "automatic": True}
    (fix,) = document["diagnostics"][0]["fix"]
    assert fix == {
        "command": ["pyve", "init", "--force"],
        "risk": "destructive",
        "automatic": False,
    }
    structural = [name for name, _, kind, _ in listed() if kind == "structural"]
    document = pyve.json("validate")
    assert [item["id"] for item in document["detail"]["checks"]] == structural
    assert document["exit_code"] == 1


def test_what_fix_has_mended_is_no_diagnostic_any_more(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    (pyve.venv / "bin/tool").symlink_to("nowhere")
    document = diagnose(pyve, "--fix", "--yes")
    assert document["exit_code"] == 2
    assert [item["code"] for item in document["diagnostics"]] == ["W_LINK_DANGLING"]
    checks = {item["id"]: item["status"] for item in document["detail"]["checks"]}
    assert (checks["dotenv-mode"], checks["links-dangling"]) == ("fixed", "warning")
    assert any("mended" in item["message"] for item in document["events"])


# --- fix


def test_fix_in_a_healthy_project_changes_nothing(pyve: Pyve) -> None:
    pyve.init()
    before = snapshot(pyve.project)
    assert pyve.ok("doctor", "--fix") == pyve.ok("doctor")
    assert snapshot(pyve.project) == before


def test_fix_asks_for_each_thing_that_is_removed(pyve: Pyve) -> None:
    pyve.init()
    for name in ("one", "two"):
        (pyve.venv / "bin" / name).symlink_to("nowhere")
    result = pyve("doctor", "--fix", answer="n\ny\n")
    assert result.returncode == 2
    assert result.stderr.count("[y/N]") == 2
    assert (pyve.venv / "bin/one").is_symlink()
    assert not (pyve.venv / "bin/two").is_symlink()
    # What is left is said again, at the end.
    left = result.stdout.split("Left:\n")[1]
    assert "bin/one leads nowhere" in left
    assert "bin/two" not in left
    assert "fix: rm .venv/bin/one" in left


def test_fix_removes_nothing_where_nobody_answers(pyve: Pyve) -> None:
    """In CI, with --yes, after a no and at the end of the input it is left, and is said to be."""
    pyve.init()
    (pyve.venv / "bin/tool").symlink_to("nowhere")
    before = snapshot(pyve.project)
    refusals: list[dict[str, Any]] = [{"CI": "1"}, {"answer": "n\n"}, {"answer": ""}]
    for options in refusals:
        result = pyve("doctor", "--fix", **options)
        assert result.returncode == 2, result.stdout + result.stderr
        assert re.search(r"^· links-dangling: left (to you|as it is)", result.stdout, re.MULTILINE)
    result = pyve("doctor", "--fix", "--yes", answer="y\n")
    assert result.returncode == 2
    assert "· links-dangling: left to you, because it removes something: rm " in result.stdout
    assert snapshot(pyve.project) == before


def test_fix_asks_once_for_what_mends_several_things(pyve: Pyve) -> None:
    pyve.init()
    library = pyve.site_packages.parent
    (library / "EXTERNALLY-MANAGED").write_text("")
    config = pyve.project / ".pyve/config"
    config.write_text(re.sub(r'version: "3\.\d+"', 'version: "3"', config.read_text()))
    state = pyve.venv / "pyve.state"
    state.write_text(re.sub("python=.*", "python=/x/.pyenv/shims/python", state.read_text()))
    result = pyve("doctor", "--fix", answer="y\n")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr.count("[y/N]") == 1
    assert "✓ interpreter-shims: mended\n" in result.stdout
    assert "✓ base-managed: mended with it\n" in result.stdout


def test_fix_mends_what_was_hidden_by_another_fault_too(pyve: Pyve) -> None:
    pyve.init()
    script = pyve.venv / "bin/tool"
    script.write_text("#!/nowhere/bin/python3\nprint(1)\n")
    script.chmod(0o755)
    dead = 2**22 - 3
    (pyve.project / ".pyve/tmp").mkdir()
    pyve.venv.rename(pyve.project / f".pyve/tmp/old.venv.{dead}")
    result = pyve("doctor", "--fix", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert pyve.ok("run", "tool") == "1\n"
    assert "✓ scripts-shebang: mended" in result.stdout


def test_a_fix_that_fails_is_told_and_the_fault_is_left(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").chmod(0o644)
    pyve.add_program("chmod", "#!/bin/sh\nexit 7\n")
    result = pyve("doctor", "--fix")
    assert result.returncode == 2
    assert "⚠ dotenv-mode: that ended with status 7" in result.stdout
    assert result.stdout.count("⚠ .env: others can read it [dotenv-mode]") == 2


def test_commands_work_in_the_folder_where_they_are_read(pyve: Pyve) -> None:
    pyve.init()
    deep = pyve.project / "a" / "b"
    deep.mkdir(parents=True)
    env = pyve.project / ".env"
    config = pyve.project / ".pyve/config"
    config.write_text(config.read_text().replace("2.0.0", "1.1.3"))
    env.chmod(0o644)
    first = bring_all(pyve, cwd=deep)
    assert first["pyve-version"] == ["pyve", "-C", str(pyve.project), "init", "--update"]
    assert first["dotenv-mode"] == ["chmod", "600", str(env)]
    pyve.execute(*first["dotenv-mode"], cwd=deep)
    pyve(*first["pyve-version"][1:], "--no-direnv", cwd=deep)
    assert bring_all(pyve, cwd=deep) == {}
    # With -C the shell is elsewhere, too.
    env.chmod(0o644)
    commands = bring_all(pyve, "-C", str(pyve.project), cwd=pyve.home)
    assert commands["dotenv-mode"] == ["chmod", "600", str(env)]
    env.chmod(0o644)
    assert pyve("-C", str(pyve.project), "doctor", "--fix", cwd=pyve.home).returncode == 0


def bring_all(pyve: Pyve, *before: str, cwd: Path) -> dict[str, list[str]]:
    """Return the first command for each check that finds something."""
    document = pyve.json(*before, "doctor", cwd=cwd)
    return {item["context"]["check"]: item["fix"][0]["command"] for item in document["diagnostics"]}


# --- report

SECRETS = ("hunter2-hunter2", "t0k3n-t0k3n-t0k3n", "pa55-pa55-pa55")


def test_the_report_has_what_a_bug_report_needs_and_no_secret(pyve: Pyve) -> None:
    pyve.init()
    pyve.write(".env", f"PASSWORD='{SECRETS[0]}'\nB = {SECRETS[0]}\n").chmod(0o600)
    (pyve.venv / "bin/tool").symlink_to("nowhere")
    variables: dict[str, Any] = {
        "API_TOKEN": SECRETS[1],
        "PIP_INDEX_URL": f"https://me:{SECRETS[2]}@index.example/simple",
        "PYTHONPATH": f"https://me:{SECRETS[2]}@index.example/simple",
        "USER": "johanna",
        "HOSTNAME": "johannas-laptop",
        "PYVE_NOTE": "x",
    }
    result = pyve("doctor", "--report", "report.md", **variables)
    assert result.returncode == 2
    path = pyve.project / "report.md"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for secret in (*SECRETS, str(pyve.home), "johanna"):
        assert secret not in text, secret
    for part in (
        "# Report of pyve doctor",
        "- Pyve: 2.0.0",
        "- bash: ",
        "- Backend: venv",
        "    backend: venv",
        "- warning `links-dangling`: Links: .venv/bin/tool leads nowhere",
        "- W_LINK_DANGLING (`links-dangling`)",
        "  - fix: rm .venv/bin/tool",
        "- PIP_INDEX_URL: (set)",
        "- PYVE_NOTE: (set)",
        "- PATH: ",
    ):
        assert part in text, part
    assert not [path.name for path in pyve.project.iterdir() if "pyve-new" in path.name]
    assert diagnose(pyve, "--report", "other.md")["detail"]["report"] == str(
        pyve.project / "other.md"
    )


def test_a_user_who_is_called_like_a_word_does_not_make_the_report_unreadable(pyve: Pyve) -> None:
    pyve.init()
    pyve.ok("doctor", "--report", "report.md", USER="venv", LOGNAME="root", HOSTNAME="report-1")
    text = (pyve.project / "report.md").read_text()
    assert "# Report of pyve doctor" in text
    assert ".venv" in text


@brings("E_REPORT_EXISTS")
def test_a_report_replaces_no_file_without_asking(pyve: Pyve) -> None:
    pyve.init()
    path = pyve.write("report.md", "mine")
    failure = bring(pyve, "E_REPORT_EXISTS", "doctor", "--report", "report.md")
    refusals: list[dict[str, Any]] = [{"answer": "n\n"}, {"CI": "1"}, {"answer": ""}]
    for options in refusals:
        assert pyve("doctor", "--report", "report.md", **options).returncode == 1
        assert path.read_text() == "mine"
    failure.apply()
    assert (pyve.project / "report.md.new").read_text().startswith("# Report")
    failure.check_gone(answer="y\n")
    assert path.read_text().startswith("# Report")


@pytest.mark.parametrize("name", ["no such folder/report.md", "folder", "link.md"])
@brings("E_REPORT_WRITE")
def test_a_report_that_cannot_be_written_is_told_before_anything_else(
    pyve: Pyve, name: str
) -> None:
    pyve.init()
    (pyve.project / "folder").mkdir()
    (pyve.project / "link.md").symlink_to(pyve.home / "elsewhere.md")
    failure = bring(pyve, "E_REPORT_WRITE", "doctor", "--report", name, TMPDIR=str(pyve.root))
    assert failure.fixes[0].argv[:3] == ["pyve", "doctor", "--report"]
    place = Path(failure.fixes[0].argv[3])
    failure.apply()
    assert place.read_text().startswith("# Report")
    place.unlink()
    (pyve.project / "no such folder").mkdir()
    (pyve.project / "folder").rmdir()
    (pyve.project / "link.md").unlink()
    failure.check_gone()


# --- when everything is broken


def test_it_works_without_home_and_without_any_tool(pyve: Pyve) -> None:
    pyve.init()
    (pyve.venv / "bin/tool").symlink_to("nowhere")
    bash = shutil.which("bash", path=pyve.env["PATH"])
    assert bash is not None
    script = str(TREE / "pyve.sh")
    for words in (
        ["env", "-u", "HOME", "-u", "PYVE_TOOLCHAIN", bash, script],
        ["env", "HOME=/nonexistent/x", bash, script],
        ["env", "PATH=/nonexistent", bash, script],
        ["env", "-i", bash, script],
    ):
        result = pyve.execute(*words, "doctor")
        assert result.returncode == 2, (words, result.stdout, result.stderr)
        assert result.stderr == "", words
        assert "⚠ Links: .venv/bin/tool leads nowhere [links-dangling]" in result.stdout
        marks = [line[:1] for line in result.stdout.splitlines() if not line.startswith(" ")]
        assert set(marks) <= {"✓", "·", "⚠"} and marks.count("⚠") == 1, (words, result.stdout)


@pytest.mark.micromamba
def test_it_does_so_in_a_project_of_conda_too(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> None:
    """What programs and functions of other commands would say aloud is no answer of doctor's."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("python", "greeter")
    user.ok("lock")
    user.init()
    bash = shutil.which("bash", path=user.env["PATH"])
    assert bash is not None
    wholes: list[tuple[str, ...]] = [
        ("-u", "HOME", "-u", "PYVE_TOOLCHAIN"),
        ("PATH=/nonexistent",),
        ("-i",),
    ]
    for words in wholes:
        for room in ("doctor", "validate", "status"):
            result = user.execute("env", *words, bash, str(TREE / "pyve.sh"), room)
            assert (result.returncode, result.stderr) == (0, ""), (words, room, result.stdout)
    shutil.rmtree(user.conda / "bin")
    user.write("conda-lock.yml", "<<<<<<< HEAD\n")
    (user.project / ".pyve/config").write_text("backend: mirco\n\tx\n")
    for words in wholes:
        command = ["env", *words, bash, str(TREE / "pyve.sh"), "doctor"]
        result = user.execute(*command)
        assert (result.returncode, result.stderr) == (1, ""), words
        document = json.loads(user.execute(*command, "--json").stdout)
        assert all(item["context"].get("check") for item in document["diagnostics"]), words


def test_it_works_when_python_and_the_environment_are_gone(pyve: Pyve) -> None:
    pyve.init()
    pyve.remove_pythons()
    (pyve.venv / "bin/python").unlink()
    result = pyve("doctor")
    assert result.returncode == 1
    assert "[interpreter-gone]" in result.stdout
    assert (result.stderr, result.stdout.count("✗")) == ("", 1)


class LostUser(Pyve):
    """A user whose shell is in a folder that is not there any more."""

    def command(self, *args: str) -> list[str]:
        """Return the argument vector of a pyve command."""
        script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
        return ["bash", "-c", script, str(self.root / "gone"), *super().command(*args)]


@brings("E_FOLDER_GONE")
def test_a_folder_that_is_gone_is_said_to_be(tmp_path: Path, template_cache: Path) -> None:
    user = LostUser(tmp_path, template_cache)
    failure = bring(user, "E_FOLDER_GONE", "doctor")
    failure.by_hand(str(user.root / "gone"), "change to a folder that is there")
    bring(user, "E_FOLDER_GONE", "validate")
    result = user.execute(*Pyve.command(user, "doctor", "--json"))
    assert "E_FOLDER_GONE" not in result.stdout
    failure.count_as_gone()


@pytest.mark.linux
def test_a_config_that_cannot_be_read_hides_nothing_else(plain: PlainUser) -> None:
    plain.init()
    (plain.venv / "bin/tool").symlink_to("nowhere")
    config = plain.project / ".pyve/config"
    config.chmod(0)
    document = diagnose(plain)
    assert {item["context"]["check"] for item in document["diagnostics"]} == {
        "config-readable",
        "links-dangling",
    }
    config.chmod(0o644)


@pytest.mark.linux
@brings("W_DOTENV_READ")
def test_an_env_file_that_cannot_be_read(plain: PlainUser) -> None:
    plain.init()
    plain.write(".env", "A=1\n").chmod(0)
    failure = mends(plain, "W_DOTENV_READ", "validate")
    assert failure.fixes[0].argv == ["chmod", "600", ".env"]
    (plain.project / ".env").chmod(0)
    assert "[dotenv-file]" in plain("doctor").stdout
    assert plain("doctor", "--fix", "--yes").returncode == 0


@brings("W_DOTENV_MISSING")
def test_validate_misses_an_env_file_and_doctor_does_not(pyve: Pyve) -> None:
    pyve.init()
    (pyve.project / ".env").unlink()
    assert pyve("doctor").returncode == 0
    mends(pyve, "W_DOTENV_MISSING", "validate")
    assert (pyve.project / ".env").exists()

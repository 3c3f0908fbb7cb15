"""conda-lock.yml: written with the built-in engine, and environments that are made from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conda_archive import Package, add_package, write_index
from conda_channel import CondaChannel, copy_channel
from conda_engine_helpers import Answer, CondaHelpers
from package_index import IndexWithDigests, PackageIndex
from pyve_test_helpers import TREE, mode

PLATFORMS = ("--platform", "linux-64", "--platform", "osx-arm64")


def make_old(channel: CondaChannel, folder: Path, without: str) -> CondaChannel:
    """Copy a channel, as it was before a package came."""
    copy = copy_channel(channel, folder)
    edit_index(folder, "", without)
    return copy


def edit_index(folder: Path, name: str, without: str = "", **changes: str) -> None:
    """Change what the index of a channel says of a package, or leave one out."""
    for path in (folder / "main").glob("*/repodata.json"):
        index = json.loads(path.read_text())
        for kind in ("packages", "packages.conda"):
            for file in list(index[kind]):
                if without and file.startswith(without):
                    del index[kind][file]
                elif name and file.startswith(name):
                    index[kind][file].update(changes)
        path.unlink()
        path.write_text(json.dumps(index))


def test_a_lock_makes_the_same_environment_byte_for_byte(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["python", "greeter <2", "kettle"])
    answer = conda.lock("--file", file, *PLATFORMS)
    assert answer.status == 0, answer
    lock = tmp_path / "conda-lock.yml"
    assert answer.value["output"] == str(lock)
    assert answer.value["changed"] is True
    assert answer.value["packages"] == {"linux-64": 4, "osx-arm64": 4}
    first = lock.read_bytes()
    assert b"\n  sources:\n  - environment.yml\n" in first
    made = [
        conda.engine("create", "--prefix", tmp_path / name, "--from", source)
        for name, source in (("a", file), ("b", lock), ("c", lock))
    ]
    if conda_channel.platform in ("linux-64", "osx-arm64"):
        assert made[0].value["packages"] == made[1].value["packages"] == made[2].value["packages"]
        assert made[1].value["source"] == "lock"
        assert contents(tmp_path / "b") == contents(tmp_path / "c")
    else:
        assert made[1].value["code"] == "E_CONDA_PLATFORM"
    lock.unlink()
    again = conda.lock("--file", file, *reversed(PLATFORMS[1::2]), *PLATFORMS)
    assert again.status == 1, "words that are no options are refused"
    conda.lock("--file", file, *PLATFORMS[2:], *PLATFORMS[:2])
    assert lock.read_bytes() == first


def contents(prefix: Path) -> dict[str, str]:
    """Return the digests that the records of a prefix give to its packages and their files."""
    result = {}
    for path in prefix.glob("conda-meta/*.json"):
        record = json.loads(path.read_text())
        files = sorted((p["_path"], p.get("sha256", "")) for p in record["paths_data"]["paths"])
        if record["name"] == "greeter":
            # Its command names the prefix.
            files = [entry for entry in files if entry[0] != "bin/greet"]
        result[path.name] = f"{record['url']} {record['sha256']} {files}"
    return result


def test_a_current_lock_is_not_touched(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["greeter"])
    lock = tmp_path / "conda-lock.yml"
    check = ("--file", file, "--check", *PLATFORMS)
    assert conda.lock(*check).value["status"] == "missing"
    conda.lock("--file", file, *PLATFORMS)
    lock.chmod(0o640)
    before = lock.stat()
    assert conda.lock(*check).value == {
        "status": "current",
        "why": [],
        "output": str(lock),
    }
    answer = conda.lock("--file", file, *PLATFORMS)
    assert (answer.value["changed"], answer.value["locked"]) == (False, [])
    after = lock.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    conda.write_environment([conda_channel.main], ["greeter >=1.1"])
    stale = conda.lock(*check).value
    assert stale["status"] == "stale"
    assert stale["why"][0] == "environment.yml has changed since linux-64 was locked"
    assert conda.lock("--file", file, *PLATFORMS).value["changed"] is True
    assert mode(lock) == 0o640
    assert conda.lock(*check).value["status"] == "current"
    assert [path.name for path in tmp_path.glob(".conda-lock*")] == []


def test_what_does_not_count_makes_no_lock_stale(
    conda: CondaHelpers, conda_channel: CondaChannel
) -> None:
    file = conda.write_environment([conda_channel.main], ["greeter"], name="environment.yml")
    conda.lock("--file", file, *PLATFORMS)
    text = {"name": "other", "variables": {"A": "b"}, **json.loads(file.read_text())}
    file.write_text("# a comment\n" + json.dumps(text))
    assert conda.lock("--file", file, "--check", *PLATFORMS).value["status"] == "current"


def test_a_platform_is_added_without_solving_for_the_others(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    old = make_old(conda_channel, tmp_path / "channels", "greeter-2.0")
    file = conda.write_environment([old.main], ["greeter"])
    lock = tmp_path / "conda-lock.yml"
    conda.lock("--file", file, "--platform", "linux-64")
    shutil.rmtree(tmp_path / "channels")
    copy_channel(conda_channel, tmp_path / "channels")
    answer = conda.lock("--file", file, *PLATFORMS)
    assert (answer.value["locked"], answer.value["kept"]) == (["osx-arm64"], ["linux-64"])
    text = lock.read_text()
    assert text.count("greeter-1.1-") == text.count("greeter-2.0-") == 1
    lone = conda.lock("--file", file, "--platform", "osx-arm64")
    assert (lone.value["locked"], lone.value["changed"]) == ([], True)
    assert "linux-64" not in lock.read_text()


def test_one_package_is_upgraded_and_the_others_stay(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    old = make_old(conda_channel, tmp_path / "channels", "greeter-2.0")
    edit_index(tmp_path / "channels", "", without="libwater-1.1")
    file = conda.write_environment([old.main], ["greeter", "kettle", "greeter-extras <1"])
    lock = tmp_path / "conda-lock.yml"
    assert conda.lock("--file", file, *PLATFORMS).status == 0
    before = lock.read_text()
    shutil.rmtree(tmp_path / "channels")
    copy_channel(conda_channel, tmp_path / "channels")
    assert conda.lock("--file", file, *PLATFORMS).value["changed"] is False
    answer = conda.lock("--file", file, *PLATFORMS, "--upgrade", "greeter")
    assert answer.value["upgraded"] == ["greeter 1.1 -> 2.0"], answer
    after = lock.read_text()
    assert after.replace("greeter-2.0-", "greeter-1.1-") != before
    assert "libwater-1.0-" in after and "libwater-1.1-" not in after
    answer = conda.lock("--file", file, *PLATFORMS, "--upgrade", "numpy")
    assert answer.value["code"] == "E_CONDA_MISSING"
    assert lock.read_text() == after


@pytest.mark.parametrize(
    ("wish", "expected"),
    [("beta", ["alpha 1 -> 2", "beta 1 -> 2"]), ("beta <2", [])],
)
def test_an_upgrade_keeps_to_environment_yml(
    conda: CondaHelpers, tmp_path: Path, wish: str, expected: list[str]
) -> None:
    channel = tmp_path / "channel"
    old = [Package("alpha", "1", {}, ("beta",)), Package("beta", "1")]
    new = [Package("alpha", "2", {}, ("beta >=2",)), Package("beta", "2")]
    write_index(channel, [add_package(channel, p) for p in old], ("noarch", "linux-64"))
    file = conda.write_environment([channel.as_uri()], ["alpha", wish])
    lock = ("--file", file, "--platform", "linux-64")
    assert conda.lock(*lock).status == 0
    write_index(channel, [add_package(channel, p) for p in [*old, *new]], ("noarch", "linux-64"))
    answer = conda.lock(*lock, "--upgrade", "alpha")
    assert answer.value["upgraded"] == expected, answer
    assert answer.value["changed"] is bool(expected)


def test_lines_for_one_platform_are_for_that_alone(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(
        f"channels: ['{conda_channel.main}']\ndependencies:\n"
        "  - kettle\n  - needs-glibc  # [linux]\n  - only-osx  # [osx]\n"
    )
    assert conda.lock("--file", file, *PLATFORMS).value["packages"] == {
        "linux-64": 3,
        "osx-arm64": 3,
    }
    answer = conda.lock("--file", file, *PLATFORMS, "--upgrade", "kettle")
    assert answer.value["changed"] is False, answer


@pytest.mark.parametrize(
    ("dependencies", "code", "why"),
    [
        (["kettle", "teapot", "libwater >=1.1"], "E_CONDA_CONFLICT", "asks for libwater >=1.1"),
        (["gretter"], "E_CONDA_MISSING", "did you mean greeter?"),
        (["kettle", "only-osx"], "E_CONDA_MISSING", "it is there for osx-arm64"),
    ],
)
def test_what_the_solver_says_comes_through(
    conda: CondaHelpers,
    conda_channel: CondaChannel,
    tmp_path: Path,
    dependencies: list[str],
    code: str,
    why: str,
) -> None:
    lock = tmp_path / "conda-lock.yml"
    file = conda.write_environment([conda_channel.main], ["kettle"])
    conda.lock("--file", file, *PLATFORMS)
    before = lock.read_bytes()
    conda.write_environment([conda_channel.main], dependencies)
    answer = conda.lock("--file", file, *PLATFORMS)
    assert (answer.status, answer.value["code"]) == (1, code), answer
    assert why in answer.why
    assert lock.read_bytes() == before


def test_a_program_that_answers_like_micromamba_may_be_the_engine(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["greeter", "kettle"])
    conda.lock("--file", file, *PLATFORMS)
    lock = tmp_path / "conda-lock.yml"
    expected = lock.read_bytes()
    lock.unlink()
    program = tmp_path / "bin of user" / "micromamba"
    program.parent.mkdir()
    log = tmp_path / "calls"
    stand_in = TREE / "helpers" / "conda_stand_in.py"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$CONDA_SUBDIR $*" >>"{log}"\n'
        f'exec "{conda.python}" -E -s -B "{stand_in}" "$@"\n'
    )
    program.chmod(0o755)
    answer = conda.lock("--file", file, *PLATFORMS, "--engine", program)
    assert answer.status == 0, answer
    assert lock.read_bytes() == expected
    calls = log.read_text().splitlines()
    assert [call.split(" ")[:2] for call in calls] == [
        ["linux-64", "create"],
        ["osx-arm64", "create"],
    ]
    assert all("--dry-run --json --override-channels" in call for call in calls)
    program.write_text('#!/bin/sh\necho \'{"message": "no such package: greeter"}\'\nexit 1\n')
    lock.unlink()
    answer = conda.lock("--file", file, *PLATFORMS, "--engine", program)
    assert answer.value["code"] == "E_CONDA_CONFLICT"
    assert answer.value["why"][0] == "no such package: greeter"
    answer = conda.lock("--file", file, *PLATFORMS, "--engine", tmp_path / "nothing")
    assert answer.value["code"] == "E_ENGINE_MISSING"


def damage(lock: Path, old: str, new: str) -> None:
    """Change a lock by hand."""
    text = lock.read_text()
    assert old in text
    lock.write_text(text.replace(old, new))


@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_a_wrong_digest_in_a_lock_stops_before_anything_is_linked(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path, cache: str
) -> None:
    file = conda.write_environment([conda_channel.main], ["kettle", "greeter"])
    lock = tmp_path / "conda-lock.yml"
    conda.lock("--file", file, "--platform", conda_channel.platform)
    if cache == "warm":
        assert conda.engine("create", "--prefix", tmp_path / "a", "--from", lock).status == 0
    else:
        conda.env.pop("PYVE_CONDA_CACHE")
    text = lock.read_text()
    digest = text.partition("/kettle-")[2].partition("sha256: ")[2][:64]
    damage(lock, digest, digest[::-1])
    answer = conda.engine("create", "--prefix", tmp_path / "b", "--from", lock)
    assert (answer.status, answer.value["code"]) == (1, "E_CONDA_HASH"), answer
    assert f"expected sha256 {digest[::-1]}" in answer.why
    assert f"found    sha256 {digest}" in answer.why
    assert answer.value["fix"] == ["pyve lock --upgrade kettle"]
    assert "linking" not in answer.talk
    assert not (tmp_path / "b").exists()


def test_a_lock_with_md5_alone_is_checked_as_well(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["libwater"])
    lock = tmp_path / "conda-lock.yml"
    conda.lock("--file", file, "--platform", conda_channel.platform)
    lines = [line for line in lock.read_text().splitlines() if "sha256:" not in line]
    lock.write_text("\n".join(lines) + "\n")
    create = ("create", "--prefix", tmp_path / "a", "--from", lock)
    answer = conda.engine(*create)
    assert answer.status == 0, answer
    assert answer.value["packages"][0]["md5"] in lock.read_text()
    digest = answer.value["packages"][0]["md5"]
    damage(lock, digest, digest[::-1])
    shutil.rmtree(tmp_path / "a")
    assert conda.engine(*create).value["code"] == "E_CONDA_HASH"


def test_damaged_locks_are_named(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["libwater"])
    lock = tmp_path / "conda-lock.yml"
    conda.lock("--file", file, "--platform", conda_channel.platform)
    sound = lock.read_text()
    digest = sound.partition("sha256: ")[2][:64]

    def create(text: str) -> str:
        lock.write_text(text)
        answer = conda.engine("create", "--prefix", conda_prefix, "--from", lock)
        assert not conda_prefix.exists()
        assert answer.value["fix"] or answer.why
        return str(answer.value["code"])

    assert create(sound.replace(digest, "abc")) == "E_CONDA_LOCK"
    assert create(sound.replace("/libwater-1.1-", "/kettle-1.1-")) == "E_CONDA_LOCK"
    assert create(sound.replace("file:///", "")) == "E_CONDA_LOCK"
    assert create(sound[: sound.rindex("hash:")]) == "E_LOCK_FILE"
    assert create(sound.replace("version: 1\n", "version: 7\n")) == "E_LOCK_FILE"
    other = "osx-64" if conda_channel.platform != "osx-64" else "linux-64"
    lock.write_text(sound)
    answer = conda.engine("create", "--prefix", conda_prefix, "--from", lock, "--platform", other)
    assert answer.value["code"] == "E_CONDA_PLATFORM"
    assert answer.why == f"it is for {conda_channel.platform}"
    # (What is damaged at one entry only is stale, and made anew.)
    lock.write_text(sound.replace(digest, "abc"))
    assert conda.lock("--file", file, "--check").value["status"] == "stale"
    lock.write_text("package: [\nmetadata:")
    assert conda.lock("--file", file, "--check").value["code"] == "E_CONDA_LOCK"


def test_a_lock_works_offline_with_a_warm_cache(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    channel = copy_channel(conda_channel, tmp_path / "channels")
    conda.env.pop("PYVE_CONDA_CACHE")
    file = conda.write_environment([channel.main], ["kettle"])
    lock = tmp_path / "conda-lock.yml"
    conda.lock("--file", file, "--platform", conda_channel.platform)
    first = conda.engine("create", "--prefix", tmp_path / "a", "--from", lock)
    shutil.rmtree(tmp_path / "channels")
    again = conda.engine("create", "--prefix", tmp_path / "b", "--from", lock, "--offline")
    assert again.status == 0, again
    assert again.value["packages"] == first.value["packages"]
    shutil.rmtree(conda.cache)
    cold = conda.engine("create", "--prefix", tmp_path / "c", "--from", lock)
    assert cold.value["code"] == "E_CONDA_MISSING"


def test_categories_are_chosen(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    platform = ("--platform", conda_channel.platform)
    file = conda.write_environment([conda_channel.main], ["kettle", "greeter"])
    conda.lock("--file", file, *platform)
    lock = tmp_path / "conda-lock.yml"
    head, _, rest = lock.read_text().partition("- name: kettle")
    lock.write_text(head + "- name: kettle" + rest.replace("category: main", "category: dev", 1))
    main = conda.engine("create", "--prefix", tmp_path / "a", "--from", lock)
    assert set(main.names) == {"greeter", "libwater", "python"}
    create = ("create", "--prefix", tmp_path / "b", "--from", lock, "--category")
    assert set(conda.engine(*create, "dev").names) == {*main.names, "kettle"}


def test_passwords_are_not_written_into_a_lock(conda: CondaHelpers, tmp_path: Path) -> None:
    for channel in ("https://me:geheim@localhost/x", "https://localhost/t/geheim/x"):
        file = conda.write_environment([channel], ["kettle"])
        answer = conda.lock("--file", file, "--platform", "linux-64", PASSWORD="geheim")
        assert answer.value["code"] == "E_CONDA_SECRET"
        assert "geheim" not in json.dumps(answer.value) + answer.talk
    assert not (tmp_path / "conda-lock.yml").exists()


def lock_with_pip(
    conda: CondaHelpers,
    channel: str,
    lines: list[str],
    *args: str,
    kind: type[PackageIndex] = IndexWithDigests,
) -> Answer:
    """Lock a file with a pip: section, against a package index on this machine."""
    with kind() as index:
        file = conda.write_environment(
            [channel],
            ["python", "greeter", {"pip": lines}],
            **{"pip-repositories": [index.url], "allow-pypi-requests": False},
        )
        return conda.lock("--file", file, "--pypi-mapping", "none", *PLATFORMS, *args)


def test_a_pip_section_is_locked_with_its_digests(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path, tmp_path: Path
) -> None:
    answer = lock_with_pip(conda, conda_channel.main, ["iniconfig", "-e ."])
    assert answer.status == 0, answer
    assert answer.value["warnings"] == ["not in the lock, because it is editable: -e ."]
    lock = tmp_path / "conda-lock.yml"
    create = ("create", "--prefix", conda_prefix, "--from", lock, "--platform", "linux-64")
    made = conda.engine(*create)
    assert made.status == 0, made
    assert made.value["pip_no_deps"] is True
    (line,) = made.value["pip"]
    name, _, rest = line.partition(" @ ")
    assert name == "iniconfig"
    assert rest.partition(" --hash=sha256:")[2] in lock.read_text()
    assert set(made.names) == {"python", "greeter", "pip"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["no-such-distribution"], "E_CONDA_CONFLICT"),
        (["iniconfig >99"], "E_CONDA_CONFLICT"),
        (["-r requirements.txt"], "E_CONDA_SPEC"),
        (["./local"], "E_CONDA_SPEC"),
    ],
)
def test_a_pip_section_that_cannot_be_locked(
    conda: CondaHelpers, conda_channel: CondaChannel, lines: list[str], code: str
) -> None:
    answer = lock_with_pip(conda, conda_channel.main, lines)
    assert (answer.status, answer.value["code"]) == (1, code), answer
    assert "dummy" not in answer.why


def test_a_package_without_a_digest_is_not_locked(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    answer = lock_with_pip(conda, conda_channel.main, ["iniconfig"], kind=PackageIndex)
    assert answer.value["code"] == "E_CONDA_HASH"
    assert "iniconfig" in answer.value["message"]
    assert not (tmp_path / "conda-lock.yml").exists()


def test_offline_and_no_mapping(conda: CondaHelpers, conda_channel: CondaChannel) -> None:
    answer = lock_with_pip(conda, conda_channel.main, ["iniconfig"], "--offline")
    assert answer.value["code"] == "E_CONDA_OFFLINE"
    answer = lock_with_pip(
        conda, conda_channel.main, ["iniconfig"], "--pypi-mapping", "http://127.0.0.1:1/x.json"
    )
    assert answer.value["code"] == "E_CONDA_NETWORK"
    assert answer.value["fix"] == ["env PYVE_PYPI_MAPPING=none pyve lock"]
    file = conda.write_environment([conda_channel.main], ["kettle"])
    answer = conda.lock("--file", file, "--offline", "--platform", "linux-64")
    assert answer.status == 0, answer


def test_nothing_is_left_among_temporary_files(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    file = conda.write_environment([conda_channel.main], ["kettle"])
    conda.lock("--file", file, "--platform", "linux-64", TMPDIR=str(scratch))
    assert (tmp_path / "conda-lock.yml").exists()
    assert list(scratch.iterdir()) == []

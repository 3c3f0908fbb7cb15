"""The built-in conda engine as Pyve calls it: environments made from environment.yml."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conda_archive import PLACEHOLDER
from conda_channel import CondaChannel
from conda_engine_helpers import CondaHelpers, serve_folder
from pyve_test_helpers import mode, python_version, snapshot

MARKER = ".pyve-unfinished"


def test_python_and_its_packages_work_where_they_were_linked(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["python", "greeter", "kettle", "pip"])
    answer = conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert answer.status == 0, answer
    assert answer.value["python"] == python_version()
    code = "import sys, ssl, pip, greeter; print(sys.prefix, greeter.__file__)"
    python = conda_prefix / "bin" / "python"
    said = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    packages = f"lib/python3.{sys.version_info[1]}/site-packages"
    assert said.stdout.strip() == f"{conda_prefix} {conda_prefix}/{packages}/greeter.py", (
        said.stderr
    )
    greet = subprocess.run(
        [conda_prefix / "bin" / "greet", "a", "b c"], capture_output=True, text=True
    )
    assert (greet.stdout, greet.returncode) == ("Hello from greeter 2.0 a b c\n", 2)
    pip = subprocess.run(
        [conda_prefix / "bin" / "pip", "--version"], capture_output=True, text=True, cwd="/"
    )
    assert f"{conda_prefix}/{packages}/pip" in pip.stdout, pip


def test_the_prefix_is_written_into_texts_and_binaries(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    prefix = tmp_path / "an env"
    file = conda.write_environment([conda_channel.main], ["libwater"])
    assert conda.engine("create", "--prefix", prefix, "--from", file).status == 0
    text = (prefix / "etc/water/place of water.conf").read_text()
    assert text == f"prefix={prefix}\n"
    binary = (prefix / "lib/libwater.bin").read_bytes()
    assert binary.startswith(b"\x7fBIN" + os.fsencode(prefix) + b"/lib\0")
    assert binary.endswith(b"END")
    assert len(binary) == len(PLACEHOLDER) + 4 + 5 + 4 + 3
    assert os.readlink(prefix / "lib/libwater.so") == "libwater.so.1.1"


def test_conda_meta_says_what_conda_writes_there(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    variables = {"KEY": "a 'b' ü", "OTHER": ""}
    file = conda.write_environment([conda_channel.main], ["kettle >=1"], variables=variables)
    assert conda.engine("create", "--prefix", conda_prefix, "--from", file).status == 0
    meta = conda_prefix / "conda-meta"
    (path,) = meta.glob("kettle-*.json")
    record = json.loads(path.read_text())
    platform = conda_channel.platform
    assert record["url"] == f"{conda_channel.main}/{platform}/{path.stem}.conda"
    assert record["channel"] == f"{conda_channel.main}/{platform}"
    assert record["requested_spec"] == "kettle >=1"
    assert {"bin/kettle", "etc/conda/activate.d/kettle.sh"} <= set(record["files"])
    assert mode(path) == 0o666 & ~current_umask()
    history = (meta / "history").read_text().splitlines()
    assert history[0].startswith("==> ") and history[0].endswith(" <==")
    assert f"+{conda_channel.main}/{platform}::{path.stem}" in history
    assert history[-1] == '# update specs: ["kettle >=1"]'
    assert json.loads((meta / "state").read_text()) == {"version": 1, "env_vars": variables}
    assert not (conda_prefix / MARKER).exists()


def current_umask() -> int:
    """Return the umask of the tests."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_it_says_how_far_it_is(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    file = cold_conda.write_environment([conda_channel.main], ["kettle"])
    lines = cold_conda.engine("create", "--prefix", conda_prefix, "--from", file).talk.splitlines()
    assert lines[0] == "solving"
    assert [line.split(" ")[:4] for line in lines[1:]] == [
        [word, str(number), "of", "2"] for word in ("fetching", "linking") for number in (1, 2)
    ]
    assert {line.split(" ")[4] for line in lines[1:]} == {"kettle-2.0", "libwater-1.1"}


def test_link_scripts_are_named_and_run_only_when_asked_for(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["with-script"])
    answer = conda.engine("create", "--prefix", tmp_path / "a", "--from", file)
    assert answer.value["link_scripts_skipped"] == ["with-script"]
    assert not (tmp_path / "a/share/post-link-has-run").exists()
    answer = conda.engine("create", "--prefix", tmp_path / "b", "--from", file, "--link-scripts")
    assert answer.value["link_scripts_skipped"] == []
    assert (tmp_path / "b/share/post-link-has-run").read_text() == "linked"


def test_pip_lines_are_answered_and_pip_comes_along(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    lines = ["requests >=2", "-e ."]
    file = conda.write_environment([conda_channel.main], ["python", {"pip": lines}])
    answer = conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert answer.value["pip"] == lines
    assert answer.value["needs_pip"] is True and answer.value["pip_no_deps"] is False
    assert "pip" in answer.names


def test_a_marker_that_was_there_stays(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    conda_prefix.mkdir(parents=True)
    (conda_prefix / MARKER).touch()
    file = conda.write_environment([conda_channel.main], ["sugar"])
    assert conda.engine("create", "--prefix", conda_prefix, "--from", file).status == 1
    assert os.listdir(conda_prefix) == [MARKER]
    file = conda.write_environment([conda_channel.main], ["libwater"])
    assert conda.engine("create", "--prefix", conda_prefix, "--from", file).status == 0
    assert (conda_prefix / MARKER).exists() and (conda_prefix / "lib/libwater.so").exists()
    answer = conda.engine("list", "--prefix", conda_prefix)
    assert answer.value["state"] == "unfinished"


def test_a_folder_with_something_in_it_is_left_alone(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    conda_prefix.mkdir(parents=True)
    (conda_prefix / "thesis.txt").write_text("years of work")
    before = snapshot(conda_prefix)
    file = conda.write_environment([conda_channel.main], ["libwater"])
    answer = conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert answer.value["code"] == "E_CONDA_PREFIX"
    assert snapshot(conda_prefix) == before


@pytest.mark.parametrize(
    ("dependencies", "more", "version"),
    [
        (["greeter"], {}, "2.0"),
        (["greeter >=3"], {}, "3.0"),
        (["greeter"], {"channel_priority": "disabled"}, "3.0"),
        (["greeter"], {"channel_priority": "strict"}, "2.0"),
        (["greeter >=3"], {"channel_priority": "strict"}, "E_CONDA_CONFLICT"),
        (["extra::greeter"], {"channel_priority": "strict"}, "3.0"),
        (["*::greeter=1.0"], {"channel_priority": "strict"}, "1.0"),
        (["main/noarch::greeter 1.1 py*"], {}, "1.1"),
        (["greeter[version='>=1.1,<2']"], {}, "1.1"),
    ],
)
def test_channels_come_in_their_order_and_priority(
    conda: CondaHelpers,
    conda_channel: CondaChannel,
    dependencies: list[str],
    more: dict[str, str],
    version: str,
) -> None:
    channels = [conda_channel.main, conda_channel.extra, "nodefaults"]
    file = conda.write_environment(channels, dependencies, **more)
    answer = conda.engine("solve", "--from", file)
    if answer.status == 0:
        (packages,) = answer.value["platforms"].values()
        assert {p["name"]: p["version"] for p in packages}["greeter"] == version
    else:
        assert answer.value["code"] == version
        assert "comes first and has greeter" in answer.why
        assert conda_channel.extra in answer.why


def test_a_dependency_may_name_a_channel_that_is_not_listed(
    conda: CondaHelpers, conda_channel: CondaChannel
) -> None:
    file = conda.write_environment([conda_channel.main], [f"{conda_channel.extra}::sugar"])
    (packages,) = conda.engine("solve", "--from", file).value["platforms"].values()
    assert [p["url"].startswith(conda_channel.extra) for p in packages] == [True]


def test_names_of_channels_follow_the_alias(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    file = conda.write_environment(["main"], ["libwater"])
    alias = conda_channel.folder.as_uri()
    create = ("create", "--prefix", conda_prefix, "--from", file)
    assert conda.engine(*create, CONDA_CHANNEL_ALIAS=alias).names == {"libwater": "1.1"}


def test_platforms_have_virtual_packages_of_their_own(
    conda: CondaHelpers, conda_channel: CondaChannel
) -> None:
    file = conda.write_environment([conda_channel.main], ["needs-glibc", "kettle"])
    answer = conda.engine("solve", "--from", file, "--platform", "linux-aarch64")
    (packages,) = answer.value["platforms"].values()
    assert [p["name"] for p in packages] == ["kettle", "libwater", "needs-glibc"]
    assert {p["subdir"] for p in packages} == {"linux-aarch64", "noarch"}
    answer = conda.engine("solve", "--from", file, "--platform", "osx-arm64")
    assert answer.value["code"] == "E_CONDA_CONFLICT"
    assert "__glibc >=2.17" in answer.why


def test_offline_takes_what_is_in_the_cache_and_says_what_is_not(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    with serve_folder(conda_channel.folder / "main") as url:
        file = cold_conda.write_environment([url], ["kettle"])
        online = cold_conda.engine("create", "--prefix", tmp_path / "a", "--from", file)
        assert online.status == 0, online
    create = ("create", "--prefix", tmp_path / "b", "--offline", "--from")
    answer = cold_conda.engine(*create, file)
    assert answer.status == 0, answer
    assert answer.value["packages"] == online.value["packages"]
    assert "fetching" not in answer.talk
    shutil.rmtree(tmp_path / "b")
    more = cold_conda.write_environment([url], ["kettle", "greeter"])
    answer = cold_conda.engine(*create, more)
    assert answer.value["code"] == "E_CONDA_OFFLINE"
    assert "greeter-2.0 would have to be fetched" in answer.why
    unknown = cold_conda.write_environment([url + "/other"], ["kettle"])
    assert cold_conda.engine(*create, unknown).value["code"] == "E_CONDA_OFFLINE"
    assert not (tmp_path / "b").exists()


def test_an_environment_is_made_again_from_the_packages_in_another(
    conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["kettle", "greeter=1.0"])
    first = conda.engine("create", "--prefix", tmp_path / "old place" / "env", "--from", file)
    (tmp_path / "old place").rename(tmp_path / "moved")
    moved = tmp_path / "moved" / "env"
    problems = conda.engine("verify", "--prefix", moved).value["problems"]
    # (Of python's own files, some interpreters have one that names its place, some have two.)
    assert [line for line in problems if "_sysconfigdata" not in line] == [
        "moved\tgreeter\tbin/greet",
        "moved\tkettle\tbin/kettle",
        "moved\tlibwater\tetc/water/place of water.conf",
        "moved\tlibwater\tlib/libwater.bin",
    ]
    again = conda.engine("create", "--prefix", tmp_path / "new", "--from", moved)
    assert again.value["source"] == "prefix"
    assert again.value["packages"] == first.value["packages"]
    assert conda.engine("verify", "--prefix", tmp_path / "new").value["ok"]
    greet = subprocess.run([tmp_path / "new/bin/greet"], capture_output=True, text=True)
    assert greet.stdout == "Hello from greeter 1.0\n"


def test_an_environment_for_another_platform_can_be_made(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    other = "linux-aarch64" if conda_channel.platform == "linux-64" else "linux-64"
    file = conda.write_environment([conda_channel.main], ["kettle"])
    create = ("create", "--prefix", conda_prefix, "--from", file, "--platform")
    answer = conda.engine(*create, other)
    assert {p["subdir"] for p in answer.value["packages"]} == {other}
    answer = conda.engine(*create, "amiga-68k")
    assert answer.value["code"] == "E_CONDA_PLATFORM"


def test_the_standard_library_lists_verifies_and_removes(
    conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    file = conda.write_environment([conda_channel.main], ["greeter", "kettle", "pip"])
    assert conda.engine("create", "--prefix", conda_prefix, "--from", file).status == 0
    plain = CondaHelpers(Path(sys.executable), conda.root)
    make_distribution(conda_prefix)
    listed = plain.engine("list", "--prefix", conda_prefix)
    assert listed.value["state"] == "complete"
    kinds = {p["name"]: (p["kind"], p["version"]) for p in listed.value["packages"]}
    assert kinds["greeter"] == ("conda", "2.0")
    assert kinds["by-hand"] == ("pip", "0.1")
    assert listed.value["count"] == len(kinds) == 6
    assert plain.engine("verify", "--prefix", conda_prefix).value["ok"] is True
    sound = conda_prefix / "share/kettle/sound"
    sound.unlink()
    sound.write_text("SOUND=silence\n")
    (conda_prefix / "lib/libwater.so").unlink()
    problems = plain.engine("verify", "--prefix", conda_prefix).value["problems"]
    assert problems == ["changed\tkettle\tshare/kettle/sound", "missing\tlibwater\tlib/libwater.so"]
    quick = plain.engine("verify", "--prefix", conda_prefix, "--quick").value["problems"]
    assert quick == ["missing\tlibwater\tlib/libwater.so"]
    (conda_prefix / "share/kettle").chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert plain.engine("remove", "--prefix", conda_prefix).value == {"removed": True}
    assert not conda_prefix.exists()
    assert plain.engine("remove", "--prefix", conda_prefix).value == {"removed": False}


def make_distribution(prefix: Path) -> None:
    """Put a distribution into an environment as pip does."""
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    info = packages / "By_Hand-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: By_Hand\nVersion: 0.1\n\nText\n")


def test_remove_refuses_what_is_no_environment(conda: CondaHelpers, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    answer = conda.engine("remove", "--prefix", folder)
    assert answer.value["code"] == "E_CONDA_PREFIX"
    assert (folder / "thesis.txt").exists()
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert conda.engine("remove", "--prefix", link).value["code"] == "E_CONDA_PREFIX"
    assert link.is_symlink()

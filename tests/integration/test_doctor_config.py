"""Faults of .pyve/config in both backends: doctor names each, with its place, and mends it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from code_cases import brings
from doctor_faults import Fault, diagnose, find_fault, mend_fault
from pyve_test_helpers import Pyve, find_program, python_version, series, snapshot
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
    """Give a project, and put its config back afterwards; only that is changed by these faults."""
    if not hasattr(pyve, "usual_config"):
        make_whole(pyve, set_up_plain)
        pyve.usual_config = config(pyve).read_text()  # type: ignore[attr-defined]
    yield pyve
    config(pyve).unlink(missing_ok=True)
    config(pyve).write_text(pyve.usual_config)  # type: ignore[attr-defined]
    (pyve.project / ".pyve/config.bad").unlink(missing_ok=True)


def config(pyve: Pyve) -> Path:
    """Return the config."""
    return pyve.project / ".pyve/config"


def add(text: str) -> Callable[[Pyve], None]:
    """Give the injector that adds lines to the config."""

    def inject(pyve: Pyve) -> None:
        config(pyve).write_text(config(pyve).read_text() + text)

    return inject


def replace(old: str, new: str) -> Callable[[Pyve], None]:
    """Give the injector, or what mends by hand, that replaces a part of the config."""

    def inject(pyve: Pyve) -> None:
        text = config(pyve).read_text()
        assert old in text, text
        config(pyve).write_text(text.replace(old, new))

    return inject


def add_nul(pyve: Pyve) -> None:
    """Put a NUL behind the last line."""
    with config(pyve).open("ab") as stream:
        stream.write(b"\0more\0")


def add_mark(pyve: Pyve) -> None:
    """Put a byte order mark before the first line."""
    config(pyve).write_bytes(b"\xef\xbb\xbf" + config(pyve).read_bytes())


def repeat_backend(pyve: Pyve) -> None:
    """Write the line with the backend twice."""
    (line,) = [line for line in config(pyve).read_text().splitlines() if "backend:" in line]
    add(f"{line}\n")(pyve)


def misspell_backend(pyve: Pyve) -> None:
    """Swap two letters of the backend."""
    text = config(pyve).read_text()
    config(pyve).write_text(
        text.replace("backend: venv", "backend: vnev").replace("backend: micro", "backend: mirco")
    )


FAULTS = [
    Fault("nul", "config-readable", "E_CONFIG_BINARY", add_nul, "asked", ("NUL byte",)),
    Fault(
        "tab",
        "config-syntax",
        "E_CONFIG_SYNTAX",
        add("prompt:\n\tshow: true\n"),
        says=(", column 1: a tab",),
    ),
    Fault(
        "no blank",
        "config-syntax",
        "E_CONFIG_SYNTAX",
        add("prompt:\n  show:true\n"),
        says=(", column 8: a blank is missing",),
    ),
    Fault("equals", "config-syntax", "E_CONFIG_SYNTAX", add("prompt:\n  show = true\n")),
    Fault("mark", "config-syntax", "E_CONFIG_SYNTAX", add_mark, says=("line 1, column 1",)),
    Fault(
        "open quote",
        "config-syntax",
        "E_CONFIG_SYNTAX",
        add('prompt:\n  format: "({env_name})\n'),
        replace('"({env_name})', '"({env_name})"'),
        (", column 11: the quote is not closed",),
    ),
    Fault(
        "no key",
        "config-syntax",
        "E_CONFIG_SYNTAX",
        add("<<<<<<< HEAD\n"),
        replace("<<<<<<< HEAD\n", ""),
        (", column 1: this is neither",),
    ),
    Fault("twice", "config-syntax", "E_CONFIG_DUPLICATE", repeat_backend, says=("in line 2",)),
    Fault(
        "twice otherwise",
        "config-syntax",
        "E_CONFIG_DUPLICATE",
        add("prompt:\n  show: true\n  show: false\n"),
        replace("  show: false\n", ""),
        ("is in force",),
    ),
    Fault(
        "misspelt key",
        "config-unknown-key",
        "W_CONFIG_UNKNOWN_KEY",
        add("prompt:\n  # a comment\n  shwo: no # why\n"),
        says=(", column 3: 'prompt.shwo'", "did you mean 'prompt.show'?"),
    ),
    Fault(
        "misplaced key",
        "config-unknown-key",
        "W_CONFIG_UNKNOWN_KEY",
        add("show: no\n"),
        replace("show: no\n", "prompt:\n  show: no\n"),
        ("did you mean 'prompt.show'?", "move it"),
    ),
    Fault(
        "unknown section",
        "config-unknown-key",
        "W_CONFIG_UNKNOWN_KEY",
        add("kitchen:\n  sink: 1\n  stove: 2\n"),
        replace("kitchen:\n  sink: 1\n  stove: 2\n", ""),
        ("'kitchen' means nothing",),
    ),
    Fault("misspelt backend", "config-value", "E_CONFIG_VALUE", misspell_backend),
    Fault(
        "engine",
        "config-value",
        "E_CONFIG_VALUE",
        lambda pyve: edit_engine(pyve),
        says=("did you mean 'rattler'?", "micromamba.engine is 'ratler'"),
    ),
    Fault(
        "boolean",
        "config-value",
        "E_CONFIG_VALUE",
        add("prompt:\n  show: flase # no\n"),
        says=(", column 9: prompt.show is 'flase'",),
    ),
    Fault(
        "section with a value",
        "config-value",
        "E_CONFIG_VALUE",
        add("prompt: true\n"),
        replace("prompt: true\n", ""),
        ("it is a section",),
    ),
]


def edit_engine(pyve: Pyve) -> None:
    """Misspell the engine."""
    text = config(pyve).read_text()
    if "micromamba:\n" not in text:
        text += "micromamba:\n"
    config(pyve).write_text(text.replace("micromamba:\n", "micromamba:\n  engine: ratler\n"))


IN_BOTH = [
    fault
    for fault in FAULTS
    if fault.name in ("nul", "tab", "misspelt key", "misspelt backend", "engine")
]


@brings(
    "E_CONFIG_BINARY",
    "E_CONFIG_SYNTAX",
    "E_CONFIG_DUPLICATE",
    "W_CONFIG_UNKNOWN_KEY",
    "E_CONFIG_VALUE",
)
@pytest.mark.venv
@pytest.mark.parametrize(
    ("code", "fault"),
    [(fault.code, fault) for fault in FAULTS],
    ids=[fault.name for fault in FAULTS],
)
def test_each_fault_of_a_config_is_named_and_mended(pyve: Pyve, code: str, fault: Fault) -> None:
    fault.inject(pyve)
    before = snapshot(pyve.project, skip=(".venv", ".pyve/testenv"))
    failure = find_fault(pyve, fault, {})
    assert snapshot(pyve.project, skip=(".venv", ".pyve/testenv")) == before
    mend_fault(failure, fault)


@pytest.mark.micromamba
@pytest.mark.parametrize("fault", IN_BOTH, ids=[fault.name for fault in IN_BOTH])
def test_the_same_in_a_project_of_the_conda_backend(user: Pyve, fault: Fault) -> None:
    fault.inject(user)
    mend_fault(find_fault(user, fault, {}), fault)


@pytest.mark.venv
def test_a_python_that_is_none_is_named_with_the_command_that_asks_for_the_present_one(
    pyve: Pyve,
) -> None:
    version = series(python_version())
    fault = Fault(
        "python",
        "config-value",
        "E_CONFIG_VALUE",
        replace(f'"{version}"', '"3,12"'),
        "paste",
        ("python.version is '3,12'",),
    )
    fault.inject(pyve)
    failure = find_fault(pyve, fault, {})
    assert failure.fixes[0].text == f"pyve init --update --python-version {version}"
    mend_fault(failure, fault)
    assert f'version: "{version}"' in config(pyve).read_text()


@pytest.mark.venv
def test_what_mends_a_config_keeps_comments_order_and_line_ends(pyve: Pyve) -> None:
    text = (
        '# mine\r\npyve_version: "2.0.0"\r\nbackend: vnev # not conda\r\n\r\nvenv:\r\n'
        "\tdirectory: .venv\r\nprompt:\r\n  shwo:   maybe\r\nbackend: vnev # not conda\r\n"
    )
    config(pyve).write_bytes(text.encode())
    document = diagnose(pyve)
    found = [(i["context"]["check"], i["context"].get("line")) for i in document["diagnostics"]]
    assert found == [
        ("config-syntax", "6"),
        ("config-syntax", "9"),
        ("config-unknown-key", "8"),
        ("config-value", "3"),
    ]
    result = pyve("doctor", "--fix", "--yes")
    assert result.returncode == 1, result.stdout
    text = text.replace("backend: vnev # not conda\r\n", "backend: venv # not conda\r\n", 1)
    text = (
        text.replace("\tdir", "  dir")
        .replace("shwo:", "show:")
        .replace("backend: vnev # not conda\r\n", "")
    )
    assert config(pyve).read_bytes().decode() == text
    # "maybe" was no value of a key that was known before; it is for a person to say.
    left = diagnose(pyve)["diagnostics"]
    assert [(item["code"], item["context"]["key"]) for item in left] == [
        ("E_CONFIG_VALUE", "prompt.show")
    ]


@pytest.mark.venv
def test_a_config_that_nobody_may_read_is_made_readable(pyve: Pyve) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:
        drop = "-dac_override,-dac_read_search"
        prefix = [find_program("setpriv"), f"--inh-caps={drop}", f"--bounding-set={drop}"]
    config(pyve).chmod(0)
    result = pyve.execute(*prefix, *pyve.command("--json", "doctor", "--only", "config-readable"))
    (diagnostic,) = json.loads(result.stdout)["diagnostics"]
    assert diagnostic["code"] == "E_CONFIG_READ"
    assert diagnostic["fix"][0]["command"] == ["chmod", "u+r", ".pyve/config"]
    assert diagnostic["fix"][0]["automatic"]
    result = pyve.execute(*prefix, *pyve.command("doctor", "--fix", "--only", "config-readable"))
    assert result.returncode == 0, result.stdout
    assert diagnose(pyve)["diagnostics"] == []


@pytest.mark.venv
def test_a_folder_in_place_of_the_config_is_put_aside(pyve: Pyve) -> None:
    config(pyve).unlink()
    config(pyve).mkdir()
    kept = pyve.write(".pyve/config.bad", "of before")
    document = diagnose(pyve)
    assert "config-readable" in {item["context"]["check"] for item in document["diagnostics"]}
    result = pyve("doctor", "--fix", answer="y\n" * 9)
    assert config(pyve).is_file(), result.stdout + result.stderr
    assert (pyve.project / ".pyve/config.bad2").is_dir()
    assert kept.read_text() == "of before"
    assert diagnose(pyve)["diagnostics"] == []
    (pyve.project / ".pyve/config.bad2").rmdir()

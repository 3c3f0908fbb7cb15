"""What an installer has unpacked, before it is used: helpers/pyve_installed/unpacked.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hostile_wheels import hash_of, install

from pyve_core import HelperError
from pyve_installed.start_files import list_start_files, match_known, read_start_lines
from pyve_installed.unpacked import check_unpacked, snapshot

SETUPTOOLS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; "
    "enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); \n"
)
COVERAGE = (
    'import sys; exec(\'import os\\n\\nif os.getenv("COVERAGE_PROCESS_START") or '
    'os.getenv("COVERAGE_PROCESS_CONFIG"):\\n try:\\n  import coverage\\n except:\\n  pass\\n '
    'else:\\n  coverage.process_startup(slug="pth")\')\n'
)
NAMESPACE = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('google',));"
    "importlib = has_mfs and __import__('importlib.util');"
    "has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('google', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('google', [os.path.dirname(p)])));"
    "m = m or sys.modules.setdefault('google', types.ModuleType('google'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site-packages of an environment."""
    folder = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    return folder


def refuse(site: Path, code: str, *arguments: Any, **options: Any) -> HelperError:
    with pytest.raises(HelperError) as caught:
        check_unpacked(site, *arguments, **options)
    assert caught.value.code == code, caught.value.why
    return caught.value


def text_of(error: HelperError) -> str:
    return "\n".join(error.why)


# --- what is in order


def test_ordinary_distributions_pass(site: Path) -> None:
    install(site, "plain", {"plain/__init__.py": "", "../../../bin/plain": "#!x\n"})
    install(site, "data", {"data.py": "", "../../../share/man/man1/data.1": "x"})
    install(site, "odd.Name", {'odd, "name".py': ""})
    (site / "plain" / "__pycache__").mkdir()
    (site / "plain" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"x")
    (site / "plain-1.0.dist-info" / "INSTALLER").write_text("uv")
    check_unpacked(site)


def test_a_file_that_two_distributions_have_fits_one_of_them(site: Path) -> None:
    for last in ("# two", "# two, longer"):
        install(site, "one", {"tests/__init__.py": "# one"})
        install(site, "two", {"tests/__init__.py": last})
        check_unpacked(site)
    (site / "tests" / "__init__.py").write_text("# neither")
    assert "tests/__init__.py has" in text_of(refuse(site, "E_PACKAGE_RECORD"))


def test_only_the_distributions_that_are_named_are_looked_at(site: Path) -> None:
    install(site, "mine", {"mine.py": ""})
    install(site, "evil.startup", {"evil.pth": "import evil\n"})
    check_unpacked(site, ["Mine"])
    refuse(site, "E_STARTUP_CODE", ["Evil-Startup"])


def test_digests_that_are_known_are_not_made_again(site: Path) -> None:
    install(site, "plain", {"plain.py": "x = 1"})
    (site / "plain.py").write_text("x = 2")
    right = hashlib.sha256(b"x = 1").hexdigest()
    check_unpacked(site, digests={"plain.py": right})
    check_unpacked(site, thorough=False)
    refuse(site, "E_PACKAGE_RECORD", digests={"plain.py": "0" * 64})
    refuse(site, "E_PACKAGE_RECORD")


# --- RECORD


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("gone.py,sha256=AA,1", "evil 1.0: gone.py is not there"),
        ("more.py,,", "evil 1.0: RECORD has no hash of more.py"),
        ("more.py,md5=AA,4", "evil 1.0: RECORD has a weak hash of more.py"),
        ("more.py,sha256=AA,4", "evil 1.0: more.py has another hash than RECORD says"),
        ("more.py,sha256=AA,5", "evil 1.0: more.py has 4 bytes, and RECORD says 5"),
        ("evil.py,sha256=AA,4", "RECORD has evil.py twice, with different hashes"),
        ("other-2.dist-info/METADATA,sha256=AA,4", "of another distribution"),
    ],
)
def test_a_record_that_is_wrong_is_refused(site: Path, row: str, words: str) -> None:
    info = install(site, "evil", {"evil.py": "1"})
    (site / "more.py").write_text("more")
    with open(site / info / "RECORD", "a") as file:
        file.write(f"{row}\n")
    known = {} if row.startswith("more") else {"more.py": ""}
    error = refuse(site, "E_PACKAGE_RECORD", known=known)
    assert words in text_of(error)
    assert error.fix == ["pyve config set sync.allow_record evil"]
    check_unpacked(site, known=known, unrecorded=["Evil"])


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b'"open\n' + b"x" * 200_000])
def test_a_record_that_cannot_be_read_is_refused(site: Path, content: bytes | None) -> None:
    info = install(site, "evil", {"evil.py": "1"})
    record = site / info / "RECORD"
    if content is None:
        record.unlink()
    else:
        record.write_bytes(content)
    assert "evil 1.0: its RECORD cannot be read" in text_of(refuse(site, "E_PACKAGE_RECORD"))


def test_a_file_in_no_record_is_refused_and_what_was_there_before_is_not(site: Path) -> None:
    (site / "mine.pth").write_text("import mine\n")
    (site / "notes").write_text("x")
    known = snapshot(site)
    install(site, "evil", {"evil/__init__.py": ""})
    check_unpacked(site, known=known)
    (site / "evil" / "hidden.py").write_text("x")
    assert "evil 1.0: evil/hidden.py is in no RECORD" in text_of(
        refuse(site, "E_PACKAGE_RECORD", known=known)
    )
    check_unpacked(site, known=known, unrecorded=["evil"])
    (site / "evil" / "hidden.py").unlink()
    (site / "mine.pth").write_text("import theirs\n")
    assert "mine.pth is in no RECORD" in text_of(refuse(site, "E_PACKAGE_RECORD", known=known))


# --- places


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../../../../outside", "outside of the environment"),
        ("/tmp/outside", "RECORD names /tmp/outside, outside"),
        ("../../../pyvenv.cfg", "pyvenv.cfg is a file of the environment itself"),
        ("../../../x/../pyve.state", "pyve.state is a file of the environment itself"),
        ("../../../conda-meta/history", "is a file of the environment itself"),
        ("../../../bin/python3", "bin/python3 is a file of the environment itself"),
        ("../../../bin/activate.csh", "bin/activate.csh is a file of the environment itself"),
    ],
)
def test_what_leaves_its_place_is_refused(site: Path, path: str, words: str) -> None:
    info = install(site, "evil", {"evil.py": ""})
    with open(site / info / "RECORD", "a") as file:
        file.write(f"{path},sha256=AA,1\n")
    error = refuse(site, "E_PACKAGE_ESCAPES", unrecorded=["evil"])
    assert f"evil 1.0: {words}" in text_of(error) or words in text_of(error)
    assert error.fix == []


def test_links_that_lead_out_are_refused(site: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    install(site, "evil", {"evil.py": "", "link": "other"})
    (site / "link").unlink()
    (site / "link").symlink_to(secret)
    assert "evil 1.0: link is a link that leads out" in text_of(refuse(site, "E_PACKAGE_ESCAPES"))
    # An installer may be told to make links to its cache.
    secret.write_text("other")
    check_unpacked(site)


def test_a_folder_that_is_a_link_is_refused(site: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    install(site, "evil", {"evil.py": ""})
    (site / "pkg").symlink_to(tmp_path / "elsewhere")
    assert "pkg is a link that leads out" in text_of(refuse(site, "E_PACKAGE_ESCAPES"))
    check_unpacked(site, known={"pkg": ""})


def test_the_folder_that_data_would_go_to_is_a_link(site: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "venv" / "share").symlink_to(tmp_path / "elsewhere")
    install(site, "evil", {"evil.py": "", "../../../share/x": "x"})
    (tmp_path / "elsewhere" / "x").write_text("changed")
    assert "share/x is a link that leads out" in text_of(refuse(site, "E_PACKAGE_ESCAPES"))


@pytest.mark.parametrize("name", ["../../x", "python", "python3.11", "-rf", "a/b", "activate", ""])
def test_an_entry_point_that_is_no_name_is_refused(site: Path, name: str) -> None:
    install(
        site, "evil", {"evil-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{name}=a:b\n"}
    )
    words = f"evil-1.0.dist-info/entry_points.txt:2: {name} is no name for a script"
    assert words in text_of(refuse(site, "E_PACKAGE_ESCAPES"))


# --- start-up code


HARMLESS: dict[str, tuple[str, Mapping[str, str]]] = {
    "setuptools": (
        "setuptools",
        {"distutils-precedence.pth": SETUPTOOLS, "_distutils_hack/__init__.py": ""},
    ),
    "old setuptools": (
        "setuptools",
        {"distutils-precedence.pth": SETUPTOOLS.replace("'local')", "'stdlib')")},
    ),
    "coverage": ("coverage", {"a1_coverage.pth": COVERAGE, "coverage/__init__.py": ""}),
    "namespace": ("google_thing", {"google_thing-nspkg.pth": NAMESPACE}),
    "paths": ("paths", {"paths.pth": "# words\n\nsub\n./sub/more\n", "sub/x.py": ""}),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_is_known_to_be_harmless_needs_no_leave(case: str, site: Path) -> None:
    name, files = HARMLESS[case]
    install(site, name, files)
    check_unpacked(site)


HOSTILE: dict[str, tuple[str, Mapping[str, str], str]] = {
    "import": ("evil", {"evil.pth": "# x\nimport evil\n"}, "evil.pth:2: import evil"),
    "tab": ("evil", {"evil.pth": "import\tevil\n"}, "evil.pth:1: import"),
    "byte order mark": ("evil", {"evil.pth": "\ufeffimport evil\n"}, "evil.pth:1: import evil"),
    "form feed": ("evil", {"evil.pth": "x\x0cimport evil\n"}, "evil.pth:1: import evil"),
    "hidden": ("evil", {".evil.pth": "import evil\n"}, ".evil.pth:1: import evil"),
    "path": ("evil", {"evil.pth": "/tmp\n"}, "evil.pth:1: adds /tmp to the path"),
    "path by dots": (
        "evil",
        {"evil.pth": "../../../..\n"},
        "evil.pth:1: adds ../../../.. to the path",
    ),
    "sitecustomize": ("evil", {"sitecustomize.py": ""}, "sitecustomize.py:1: is executed"),
    "usercustomize": ("evil", {"usercustomize/__init__.py": ""}, "usercustomize is imported"),
    "extension": ("evil", {"sitecustomize.abi3.so": ""}, "sitecustomize.abi3.so:1: is executed"),
    "start": ("evil", {"evil.start": "evil:main\n"}, "evil.start:1: is executed"),
    "another's line": (
        "evil",
        {"distutils-precedence.pth": SETUPTOOLS, "_distutils_hack/__init__.py": ""},
        "distutils-precedence.pth:1: import os; var",
    ),
    "more behind it": (
        "setuptools",
        {"distutils-precedence.pth": SETUPTOOLS.rstrip() + "import evil\n"},
        "distutils-precedence.pth:1:",
    ),
    "more behind a form feed": (
        "setuptools",
        {"distutils-precedence.pth": SETUPTOOLS.rstrip() + "\x0c; import evil\n"},
        "distutils-precedence.pth:1:",
    ),
    "a namespace that leads out": (
        "evil",
        {"evil-nspkg.pth": NAMESPACE.replace("('google',)", "('..', '..')")},
        "evil-nspkg.pth:1:",
    ),
    "a namespace with more": (
        "evil",
        {"evil-nspkg.pth": NAMESPACE.rstrip() + ";__import__('evil')\n"},
        "evil-nspkg.pth:1:",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_start_up_code_is_refused_with_file_line_and_distribution(case: str, site: Path) -> None:
    name, files, words = HOSTILE[case]
    install(site, name, files)
    error = refuse(site, "E_STARTUP_CODE", allowed=["other"])
    assert f"{name} 1.0: {words}" in text_of(error)
    assert error.fix == [f"pyve config set sync.allow_startup {' '.join(sorted([name, 'other']))}"]
    check_unpacked(site, allowed=[name.upper()])


def test_the_module_of_a_known_line_has_to_be_of_the_same_distribution(site: Path) -> None:
    install(site, "evil", {"_distutils_hack/__init__.py": "evil"})
    install(site, "setuptools", {"distutils-precedence.pth": SETUPTOOLS})
    assert "distutils-precedence.pth:1:" in text_of(refuse(site, "E_STARTUP_CODE"))


def test_start_files_of_the_users_own_are_left_alone(site: Path) -> None:
    (site / "sitecustomize.py").write_text("x")
    known = snapshot(site)
    install(site, "plain", {"plain.py": ""})
    check_unpacked(site, known=known)
    install(site, "evil", {"sitecustomize.py": "evil"})
    refuse(site, "E_STARTUP_CODE", ["evil"], known=known)


def test_lines_are_read_as_any_python_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(b"import a\rimport b\r\n#import c\n import d\nimported\n\x85import e\n")
    lines = [(line.number, line.kind, line.text) for line in read_start_lines(path)]
    assert lines[:2] == [(1, "code", "import a"), (2, "code", "import b")]
    assert (4, "path", " import d") in lines
    assert (5, "path", "imported") in lines
    assert (6, "code", "import e") in lines
    assert match_known("import a", "setuptools") is None


def test_names_of_start_files(tmp_path: Path) -> None:
    for name in ("a.pth", "b.PTH", "sitecustomize.pyc", "sitecustomize_x.py", "x.start", "y.py"):
        (tmp_path / name).touch()
    assert list_start_files(tmp_path) == ["a.pth", "sitecustomize.pyc", "x.start"]
    assert list_start_files(tmp_path / "none") == []


# --- words


def test_words_from_files_reach_no_terminal_as_they_are(site: Path) -> None:
    install(site, "evil", {"evil.pth": "import x; '\x1b[2J" + "a" * 500 + "'\n"})
    text = text_of(refuse(site, "E_STARTUP_CODE"))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 200


def test_many_faults_are_counted(site: Path) -> None:
    info = install(site, "evil", {"evil.py": ""})
    with open(site / info / "RECORD", "a") as file:
        file.writelines(f"gone{number}.py,{hash_of(b'')},0\n" for number in range(30))
    assert "20 more like these" in text_of(refuse(site, "E_PACKAGE_RECORD"))


def test_nothing_is_executed_and_nothing_is_written(site: Path) -> None:
    install(site, "evil", {"sitecustomize.py": "raise SystemExit(3)", "evil.pth": "import evil\n"})
    before = sorted(os.walk(site))
    refuse(site, "E_STARTUP_CODE")
    assert sorted(os.walk(site)) == before

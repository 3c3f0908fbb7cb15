"""Filling the shared store: what an environment holds, and what happens on bad days."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest
from distributions import make_wheel
from store_user import INNER, PYTHON, StoreUser, judge, left_over, names, read_list, write_lock

from pyve_core import HelperError
from pyve_store import changes, fill, project, unpack
from pyve_store.known import list_bytecode
from pyve_store.layout import list_dead, parse_entry, read_key
from pyve_store.scripts import FINDING_HEAD, parse_scripts

ALPHA = make_wheel("alpha", "1.0", commands={"alpha": "alpha:main"})
BETA = make_wheel("beta", "2.0", files={"beta/data.txt": "beta's data\n", "beta/empty.py": ""})


def run_in(entry: Path, code: str) -> str:
    """Run code by the interpreter, with what an environment shares on its path."""
    command = [PYTHON, "-I", "-S", "-c", f"import sys; sys.path.insert(0, sys.argv[1]); {code}"]
    done = subprocess.run([*command, str(entry / "site")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- an environment


@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_an_environment_is_what_it_says_of_itself(user: StoreUser, umask: int) -> None:
    before = os.umask(umask)
    try:
        answer = user.fill(ALPHA, BETA)
    finally:
        os.umask(before)
    entry = Path(answer["entry"])
    assert answer["made"] is True
    assert entry == user.store / "envs" / answer["digest"]
    assert judge(entry) == []
    assert left_over(user.store) == []
    assert (entry / "packages").read_text() == "alpha 1.0\nbeta 2.0\n"
    assert (entry / f"tree/{INNER}/_pyve_store.pth").read_text() == f"{entry}/site\n"
    assert os.stat(entry / "token").st_nlink == 2
    assert (entry / "tree/pyve.token").samefile(entry / "token")
    assert not (entry / "copy").exists(), "bash looks whether there is anything to copy"
    fields = parse_entry((entry / "entry").read_bytes())
    assert fields["lock-sha256"] == answer["lock-sha256"]
    assert fields["interpreter"] == PYTHON
    assert user.store.stat().st_mode & 0o777 == 0o700
    key = user.store / "keys" / answer["lock-sha256"] / fields["python"] / "default"
    assert read_key(key) == answer["digest"]
    assert run_in(entry, "import alpha, beta; print(alpha.__version__, beta.__version__)") == (
        "1.0 2.0"
    )


def test_scripts_have_no_head_and_find_their_module(user: StoreUser) -> None:
    entry = user.entry(ALPHA)
    scripts = parse_scripts((entry / "scripts").read_bytes())
    assert list(scripts) == ["alpha"]
    assert not scripts["alpha"].startswith(b"#!")
    assert b"from alpha import main" in scripts["alpha"]


def test_what_is_there_is_found_and_not_made_again(
    user: StoreUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = user.fill(ALPHA)
    monkeypatch.setattr(unpack.Engine, "install", lambda *_: pytest.fail("it is installed again"))
    # Another lock with the same in it: a key of its own, the same environment.
    write_lock(user.root, ALPHA, more="# another one")
    second = user.run("fill", key="other")
    assert (second["digest"], second["made"]) == (first["digest"], False)
    assert second["lock-sha256"] != first["lock-sha256"]
    assert len(list(user.store.glob("keys/*/*/*"))) == 2


def test_two_environments_share_their_files_and_bytecode(user: StoreUser) -> None:
    one = user.entry(ALPHA, BETA)
    two = user.entry(BETA)
    assert one != two
    shared = [path for path in read_list(two) if path.startswith("site/beta/")]
    assert any(path.endswith(".pyc") for path in shared)
    for path in shared:
        assert (one / path).samefile(two / path), path


def test_bytecode_of_before_is_taken_and_not_compiled(
    user: StoreUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = user.entry(BETA)
    code = next(path for path in read_list(one) if "beta/__pycache__/__init__" in path)
    # What stands there instead tells whether it is taken.
    marked = b"taken" + (one / code).read_bytes()
    import hashlib

    digest = hashlib.sha256(marked).hexdigest()
    place = user.store / "files" / digest[:2] / digest
    place.write_bytes(marked)
    place.chmod(0o444)
    source = read_list(one)["site/beta/__init__.py"].sha256
    known = [("beta/__init__.py", source, digest)]
    monkeypatch.setattr(fill, "list_bytecode", lambda *_: known)
    two = user.entry(ALPHA, BETA)
    assert (two / code).samefile(place)


def test_bytecode_of_the_same_python_is_known(user: StoreUser) -> None:
    lines = read_list(user.entry(BETA))
    identities = [one.split()[0] for one in next(user.store.glob("envs/*/distributions")).open()]
    python = parse_entry(next(user.store.glob("envs/*/entry")).read_bytes())["python"]
    found = {path: rest for path, *rest in list_bytecode(user.store, python, identities)}
    code = next(path for path in lines if "beta/__pycache__/__init__" in path)
    source = lines["site/beta/__init__.py"].sha256
    assert found["beta/__init__.py"] == [source, lines[code].sha256]
    assert not list(list_bytecode(user.store, "cpython-0", identities))
    assert not list(list_bytecode(user.store, python, ["another"]))


def test_bytecode_is_that_of_the_interpreter_and_needs_no_look(user: StoreUser) -> None:
    entry = user.entry(BETA)
    said = run_in(entry, "import beta; print(beta.__cached__, beta.__spec__.origin)")
    cached, origin = said.split()
    assert Path(origin) == entry / "site/beta/__init__.py"
    assert Path(cached).read_bytes()[4:8] == b"\1\0\0\0"


def test_places_of_a_wheel(user: StoreUser) -> None:
    data = "gamma-1.0.data"
    wheel = make_wheel(
        "gamma",
        "1.0",
        files={
            f"{data}/headers/gamma.h": "int gamma;\n",
            f"{data}/data/share/man/man1/gamma.1": ".TH gamma\n",
            f"{data}/data/etc/gamma.ini": "[gamma]\n",
            f"{data}/purelib/pure.py": "PURE = 1\n",
            f"{data}/platlib/plat.py": "PLAT = 1\n",
            f"{data}/scripts/gamma-sh": "#!/bin/sh\necho gamma\n",
            f"{data}/scripts/gamma-py": "#!python\nimport gamma\n",
            f"{data}/scripts/gamma-gui": "#!pythonw\nimport gamma\n",
            f"{data}/scripts/gamma-zip": b"#!python\nPK\x00\x01",
            f"{data}/scripts/gamma-elf": b"\x7fELF\x00\x00",
        },
    )
    entry = user.entry(wheel)
    assert judge(entry) == []
    minor = INNER.split("/")[1]
    assert set(names(entry / "tree")) == {
        f"{INNER}/_pyve_store.pth",
        "pyve.token",
        "share/man/man1/gamma.1",
        f"include/site/{minor}/gamma/gamma.h",
        "bin/gamma-elf",
    }
    assert names(entry / "copy") == ["bin/gamma-sh", "bin/gamma-zip", "etc/gamma.ini"]
    assert os.readlink(entry / "tree/bin/gamma-elf") == str(entry / "bin/gamma-elf")
    assert os.access(entry / "bin/gamma-elf", os.X_OK)
    assert (entry / "copy/bin/gamma-zip").read_bytes() == FINDING_HEAD + b"PK\x00\x01"
    scripts = parse_scripts((entry / "scripts").read_bytes())
    assert scripts == {"gamma-py": b"import gamma\n", "gamma-gui": b"import gamma\n"}
    assert {"pure.py", "plat.py"} <= set(names(entry / "site"))


def test_a_program_with_libraries_beside_it_is_copied_with_them(user: StoreUser) -> None:
    data = "gamma-1.0.data"
    files = {f"{data}/scripts/tool": b"\x7fELF\0", f"{data}/data/lib/libgamma.so": b"\x7fELF\0"}
    entry = user.entry(make_wheel("gamma", "1.0", files=files))
    assert names(entry / "copy") == ["bin/tool", "lib/libgamma.so"]
    assert names(entry / "bin") == []


# --- what was chosen


def test_the_name_follows_what_is_chosen_and_nothing_else(user: StoreUser) -> None:
    lock = write_lock(user.root, ALPHA, BETA, beta="'web' in extras")
    lock.write_text(lock.read_text().replace("created-by", 'extras = ["web"]\ncreated-by'))
    plain = user.run("plan")
    assert plain["added"] == ["alpha 1.0"]
    web = user.run("plan", extra="web")
    assert web["added"] == ["alpha 1.0", "beta 2.0"]
    others = [
        user.run("plan", python_id="cpython-0"),
        user.run("plan", platform="elsewhere"),
        user.run("plan", own="alpha"),
        user.run("plan", allow_startup="alpha"),
        user.run("plan", allow_record="alpha"),
        user.run("plan", only_binary=True),
        web,
    ]
    assert len({one["digest"] for one in [plain, *others]}) == len(others) + 1
    # What is not installed has no say in it.
    assert user.run("plan", own="beta")["digest"] == plain["digest"]
    assert not user.store.exists()


def test_a_group_that_is_not_wanted_is_left_out(user: StoreUser) -> None:
    lock = write_lock(user.root, ALPHA, BETA, beta="'dev' in dependency_groups")
    head = 'dependency-groups = ["dev"]\ndefault-groups = ["dev"]\ncreated-by'
    lock.write_text(lock.read_text().replace("created-by", head))
    assert user.run("plan")["added"] == ["alpha 1.0", "beta 2.0"]
    assert user.run("plan", no_dev=True)["added"] == ["alpha 1.0"]
    entry = Path(user.run("fill", no_dev=True)["entry"])
    assert (entry / "packages").read_text() == "alpha 1.0\n"


def test_what_changes_is_told_against_an_environment_of_the_store(
    user: StoreUser, tmp_path: Path
) -> None:
    old = user.entry(ALPHA, BETA)
    environment = tmp_path / "old"
    top = environment / INNER / "extra-3.0.dist-info"
    top.mkdir(parents=True)
    (top / "METADATA").write_text("Name: extra\nVersion: 3.0\n")
    (environment / "pyve.state").write_text(f"format=1\nstore={old}\n")
    assert changes.read_installed(environment)["extra"] == ("3.0", "")
    answer = user.fill(make_wheel("alpha", "1.1"), make_wheel("gamma", "1"), before=environment)
    assert answer["added"] == ["gamma 1"]
    assert answer["changed"] == ["alpha 1.0 1.1"]
    assert answer["removed"] == ["beta 2.0", "extra 3.0"]


# --- bad days


def test_a_lock_that_does_not_pin_its_files_has_no_place_in_the_store(user: StoreUser) -> None:
    lock = write_lock(user.root, ALPHA)
    text = lock.read_text().replace(f'hashes = {{ sha256 = "{ALPHA.sha256}" }}', "hashes = {}")
    lock.write_text(text)
    answer = user.run("fill")
    assert answer == {"unusable": ["the lock does not say which files these are to be: alpha"]}


def test_a_store_that_cannot_be_written_to_is_no_failure(user: StoreUser, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = user.fill(ALPHA, store=tmp_path / "file" / "v1")
    assert list(answer) == ["unusable"]
    assert "file" in answer["unusable"][0]


def test_a_full_disk_is_told_and_nothing_is_left(
    user: StoreUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fill, "close_folders", refuse)
    with pytest.raises(HelperError) as failure:
        user.fill(ALPHA)
    assert failure.value.code == "E_DISK_FULL"
    assert left_over(user.store) == []
    assert list(user.store.glob("envs/*")) == []
    monkeypatch.undo()


def test_other_refusals_make_the_store_unusable(
    user: StoreUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "envs")

    monkeypatch.setattr(fill, "move_in", refuse)
    assert user.fill(ALPHA) == {"unusable": ["envs: Read-only file system"]}
    assert left_over(user.store) == []


def test_a_distribution_that_lies_is_refused_and_nothing_is_left(user: StoreUser) -> None:
    liar = make_wheel("liar", "1.0", files={"liar.pth": "import os; os.system('true')\n"})
    with pytest.raises(HelperError) as failure:
        user.fill(ALPHA, liar)
    assert failure.value.code == "E_STARTUP_CODE"
    assert left_over(user.store) == []
    assert not list(user.store.glob("keys/*"))


def test_two_at_once_make_one_environment(user: StoreUser) -> None:
    write_lock(user.root, ALPHA, BETA)
    runs = [user.start("fill") for _ in range(3)]
    said = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert len({out.split(b"digest\t")[1].split(b"\n")[0] for out, _ in said}) == 1
    (entry,) = user.store.glob("envs/*")
    assert judge(entry) == []
    assert left_over(user.store) == []


def test_what_a_killed_one_has_left_is_cleared(user: StoreUser) -> None:
    write_lock(user.root, ALPHA, BETA)
    run = user.start("fill")
    while run.poll() is None and not list(user.store.glob("tmp/*/unpacked")):
        time.sleep(0.01)
    run.kill()
    run.communicate()
    assert list_dead(user.store), "it was killed in its work"
    entry = Path(user.run("fill")["entry"])
    assert judge(entry) == []
    assert left_over(user.store) == []


def test_what_is_in_the_way_makes_room(user: StoreUser) -> None:
    write_lock(user.root, ALPHA)
    place = user.store / "envs" / user.run("plan")["digest"]
    (place / "site").mkdir(parents=True)
    place.chmod(0o555)
    entry = Path(user.run("fill")["entry"])
    assert judge(entry) == []
    assert left_over(user.store) == []


def test_pip_installs_where_there_is_no_uv(
    user: StoreUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = Path(os.__file__).parent / "ensurepip" / "_bundled"
    wheels = sorted(bundled.glob("pip-*.whl"))
    if not wheels:
        pytest.skip("this Python comes without pip")
    monkeypatch.setattr(unpack, "has_uv", lambda: False)
    entry = user.entry(ALPHA, BETA, pip=wheels[-1])
    assert judge(entry) == []
    assert (entry / "packages").read_text() == "alpha 1.0\nbeta 2.0\n"
    assert list(parse_scripts((entry / "scripts").read_bytes())) == ["alpha"]
    monkeypatch.setattr(unpack, "has_uv", lambda: False)
    with pytest.raises(HelperError) as failure:
        user.fill(make_wheel("gamma", "1"))
    assert failure.value.code == "E_RESOLVE_ENGINE"


# --- the project itself

PYPROJECT = """\
[project]
name = "demo"
version = "1.0"
scripts = {demo = "demo:main"}

[build-system]
requires = []
build-backend = "flit_core.buildapi"
"""


@pytest.mark.parametrize(
    "change",
    [
        ('version = "1.0"', 'dynamic = ["version"]'),
        ('version = "1.0"', 'version = "1.0"\ndynamic = ["readme"]'),
        ("flit_core.buildapi", "maturin"),
        ("[build-system]", '[build-system]\nbackend-path = ["."]'),
        ("flit_core.buildapi", 'hatchling.build"\n[tool.hatch.build.hooks.custom]\nx = "'),
        ("flit_core.buildapi", 'setuptools.build_meta"\n[[tool.setuptools.ext-modules]]\nname = "'),
        ("[project]", "[project"),
    ],
)
def test_a_project_that_is_more_than_its_folder_is_not_kept(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(PYPROJECT)
    assert project.can_keep(tmp_path)
    assert change[0] in PYPROJECT
    file.write_text(PYPROJECT.replace(*change))
    assert not project.can_keep(tmp_path)


def test_a_path_that_is_not_the_same_everywhere_is_not_kept(tmp_path: Path) -> None:
    for name in ("a b", "a'b", "ä", "a+b", "a%b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(PYPROJECT)
        assert not project.can_keep(tmp_path / name), name


def test_an_install_is_kept_with_marks(tmp_path: Path) -> None:
    root, store = tmp_path / "demo", tmp_path / "store"
    root.mkdir()
    (root / "demo.py").write_text("")

    def install(prefix: Path) -> None:
        site = prefix / "lib/python3.11/site-packages"
        info = site / "demo-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "demo.pth").write_text(f"{root}\n")
        (info / "direct_url.json").write_text(f'{{"url":"file://{root}"}}')
        rows = "demo.pth,sha256=x,9\n../../../bin/demo,sha256=y,9\ndemo-1.0.dist-info/RECORD,,\n"
        (info / "RECORD").write_text(rows)
        (prefix / "bin").mkdir()
        (prefix / "bin/demo").write_text(f"#!{PYTHON}\nimport demo\n")

    assert project.keep_project(store, "key", root, [PYTHON], install)
    place = store / "projects/key"
    texts = parse_scripts((place / "texts").read_bytes())
    assert texts["demo.pth"] == b"\x1f\n"
    assert texts["demo-1.0.dist-info/direct_url.json"] == b'{"url":"file://\x1f"}'
    assert texts["demo-1.0.dist-info/RECORD"].splitlines()[:2] == [
        b"demo.pth,,",
        b"../../../bin/demo,,",
    ]
    assert parse_scripts((place / "scripts").read_bytes()) == {"demo": b"import demo\n"}
    assert project.has_project(store, "key", root)
    assert left_over(store) == []
    # Another layout is another project.
    (root / "src/demo").mkdir(parents=True)
    (root / "src/demo/__init__.py").write_text("")
    assert not project.has_project(store, "key", root)


@pytest.mark.parametrize("path", ["demo.so", "share/x", "bin/prog"])
def test_an_install_that_is_more_than_text_is_not_kept(tmp_path: Path, path: str) -> None:
    root = tmp_path / "demo"
    root.mkdir()

    def install(prefix: Path) -> None:
        place = prefix / (path if "/" in path else f"lib/python3.11/site-packages/{path}")
        place.parent.mkdir(parents=True)
        place.write_bytes(b"\x7fELF\0")

    assert not project.keep_project(tmp_path / "store", "key", root, [PYTHON], install)
    assert left_over(tmp_path / "store") == []


def test_a_folder_whose_name_only_begins_so_is_another_one(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    site = tmp_path / "made/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (site / "demo.pth").write_text(f"{root}-two\n")
    assert project.read_install(tmp_path / "made", root, [PYTHON]) is None


def test_what_is_made_from_folders_is_installed_on_top(user: StoreUser, tmp_path: Path) -> None:
    library = user.root / "library"
    library.mkdir()
    (library / "library.py").write_text("")
    lock = write_lock(user.root, ALPHA)
    more = '[[packages]]\nname = "library"\ndirectory = { path = "library", editable = true }\n'
    lock.write_text(lock.read_text() + more)
    answer = user.run("fill")
    assert (answer["local"], answer["top"]) == (True, True)
    assert not list(user.store.glob("keys/*")), "what the key leads to would not be all"
    assert (Path(answer["entry"]) / "packages").read_text() == "alpha 1.0\n"
    named: list[tuple[str, ...]] = []

    class Engine(unpack.Uv):
        def run(self, command: str, *words: str, **_: object) -> str:
            named.append((command, *words))
            return ""

    import store_environment

    before = store_environment.Uv
    store_environment.Uv = Engine  # type: ignore[misc]
    try:
        user.run("top", environment=tmp_path / "new", place=tmp_path / "new")
    finally:
        store_environment.Uv = before  # type: ignore[misc]
    assert named == [("install", "--no-deps", "--editable", str(library))]

"""The parts that explain why a manifest has no solution."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pyve_locks.conflict_words import Edge, find_chain, read_words
from pyve_locks.index_data import list_files, list_names, read_file_name
from pyve_locks.known_names import guess_names
from pyve_locks.loosen import how_far, loosen, next_above
from pyve_locks.manifest import read_manifest
from pyve_locks.places import find_place, list_places
from pyve_locks.solve import SolveOptions


@pytest.mark.parametrize(
    ("old", "version", "new"),
    [
        ("<2", "2.0", "<3"),
        ("<2", "4.1", "<5"),
        ("<1.5", "1.6.2", "<1.7"),
        ("<2.0.0", "2.1", "<3"),
        ("<=1.5", "1.7", "<=1.7"),
        (">=3", "2.5", ">=2.5"),
        (">3", "2.5", ">=2.5"),
        (">=1,<2", "2.0", ">=1,<3"),
        ("==1.0", "1.1", "==1.1"),
        ("==1.*", "2.3.4", "==2.*"),
        ("==1.2.*", "2", "==2.0.*"),
        ("~=1.4", "2.1.7", "~=2.1"),
        ("~=1.4.2", "1.5", "~=1.5.0"),
        ("!=2.0", "2.0", ">=2.0"),
        (">=1,!=2.0", "2.0", ">=1"),
        (">=2.5", "3.0rc1", ">=3.0rc1"),
        ("==1.0", "1!2.0", "==1!2.0"),
        ("", "1.0", ""),
    ],
)
def test_a_specifier_is_loosened_in_the_way_it_is_written(old: str, version: str, new: str) -> None:
    assert loosen(old, Version(version)) == new
    assert SpecifierSet(new).contains(Version(version), prereleases=True)


@pytest.mark.parametrize(
    ("specifier", "version", "found"),
    [
        ("<2", "3.0", ">=2"),
        (">=1,<2", "3.0", ">=2"),
        ("<=2", "3.0", ">2"),
        ("==2.1", "3.0", ">2.1"),
        (">=4", "3.0", ""),
        ("==2.*", "3.0", ""),
    ],
)
def test_what_lies_above_a_specifier(specifier: str, version: str, found: str) -> None:
    assert next_above(specifier, Version(version)) == found


def test_how_far_a_version_is_from_what_is_allowed() -> None:
    assert how_far("<2", Version("3.1")) == (3, False)
    assert how_far("<1.4", Version("1.5")) == (2, False)
    assert how_far("==1.4.1", Version("1.4.2")) == (1, False)
    assert how_far(">=3", Version("2.9")) == (3, True)


# As uv writes it, with a list, a conclusion that is numbered, and a dependency of an extra.
SAID = """No solution found when resolving dependencies
Because v==1.5 depends on alpha<2 and w>=3.0 depends on one of:
     alpha>=2,<2.1
     alpha>2.1
we can conclude that v==1.5 and w>=3.0 depends on nothing. (1)
And because all versions of bells[more] depend on w>=3.0 and gamma, we can conclude that it fails.
And because win==1.0 depends on alpha{sys_platform == 'win32'}>=2 and your project depends on v, no.
hint: `odd` depends on nothing"""


def test_uvs_words_become_edges_and_chains() -> None:
    words = read_words(SAID.splitlines())
    assert words.edges == (
        Edge("v", "alpha", "alpha<2"),
        Edge("w", "alpha", "alpha>=2,<2.1 or alpha>2.1"),
        Edge("bells", "w", "w>=3.0"),
        Edge("bells", "gamma", "gamma"),
        Edge("win", "alpha", "alpha>=2; sys_platform == 'win32'"),
    )
    chain = find_chain(words, "bells", "alpha")
    assert [edge.wants for edge in chain] == ["w>=3.0", "alpha>=2,<2.1 or alpha>2.1"]
    assert find_chain(words, "gamma", "alpha") == []


def test_uvs_words_become_facts() -> None:
    words = read_words(
        [
            "Because only ring==1.0 is available and Pulled==1.0 was yanked (reason: bad), no.",
            "Because lost was not found in the package registry, no.",
            "Because w==1.0 has no `sys_platform == 'linux'`-compatible wheels, no.",
            "Because the requested Python version (>=3.9) does not satisfy Python>=3.13,<4 and so",
        ]
    )
    assert words.available == {"ring": "1.0"}
    assert words.yanked == {"pulled": "bad"}
    assert words.missing == ("lost",)
    assert words.unusable == {"w": "sys_platform == 'linux'"}
    assert words.limits == (">=3.13,<4",)


@pytest.mark.parametrize(
    ("name", "others", "first"),
    [
        ("reqeusts", (), "requests"),
        ("scikitlearn", (), "scikit-learn"),
        ("yaml", (), "pyyaml"),
        ("my-own-toolz", ("My_Own_Tools",), "my-own-tools"),
        ("numpi", ("numpie",), "numpie"),
    ],
)
def test_names_that_may_be_meant(name: str, others: tuple[str, ...], first: str) -> None:
    assert guess_names(name, others)[0] == first


def test_a_name_like_no_other_is_not_guessed() -> None:
    assert guess_names("qqqqzzzz") == []
    assert "requests" not in guess_names("requests")


@pytest.mark.parametrize("form", ["json", "html"])
def test_what_an_index_has(form: str) -> None:
    wheel = make_wheel("Some_Thing", "1.0", tag="py3-none-win_amd64")
    with LocalIndex(wheel, make_wheel("other", "1.0"), formats=(form,)) as index:
        index.add(make_sdist("Some_Thing", "2.0"), yanked="bad")
        files = {str(file.version): file for file in list_files(index.url, "some.thing")}
        assert list_files(index.url, "nothing") == []
        assert list_names(index.url) == ["other", "some-thing"]
        index.add_fault("other", content=b"{", content_type="application/json")
        assert list_files(index.url, "other") == []
    assert list_names(index.url) == []
    assert files["1.0"].platforms == ("win_amd64",)
    assert (files["2.0"].platforms, files["2.0"].is_yanked) == ((), True)
    assert not files["1.0"].is_yanked


def test_a_login_from_netrc_or_from_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalIndex(make_wheel("one", "1.0"), user="me", password="a word") as index:
        assert list_files(index.url, "one") == []
        assert len(list_files(index.url_with_password, "one")) == 1
        netrc.write_text('machine 127.0.0.1 login me password "a word"\n', encoding="utf-8")
        netrc.chmod(0o600)
        assert len(list_files(index.url, "one")) == 1


def test_what_a_folder_has(tmp_path: Path) -> None:
    make_wheel("one", "1.0").write(tmp_path)
    make_wheel("two", "1.0").write(tmp_path)
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    assert [str(file.version) for file in list_files(str(tmp_path), "one")] == ["1.0"]
    assert list_files(str(tmp_path / "none"), "one") == []
    assert list_names(str(tmp_path)) == []


def test_other_files_and_other_protocols_are_left_alone(tmp_path: Path) -> None:
    assert read_file_name("notes.txt") is None
    assert read_file_name("odd-version.tar.gz") is None
    make_wheel("one", "1.0").write(tmp_path / "one")
    assert list_files(tmp_path.as_uri(), "one") == []


def test_places_are_those_that_are_named_with_their_credentials(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text(
        "--extra-index-url https://me:word@more.example/simple\nidna\n", encoding="utf-8"
    )
    manifest = read_manifest(tmp_path, {})
    environ = {
        "UV_INDEX": "mine=https://a.example/simple/",
        "UV_DEFAULT_INDEX": "https://b.example",
    }
    options = SolveOptions(environ=environ)
    assert list_places(manifest, options) == [
        "https://me:word@more.example/simple",
        "https://a.example/simple/",
        "https://b.example",
    ]
    found = find_place("https://more.example/simple/", manifest, options)
    assert found == "https://me:word@more.example/simple"
    assert find_place("https://c.example/", manifest, options) == "https://c.example/"
    assert find_place("file:///a%20b/c", manifest, options) == "/a b/c"

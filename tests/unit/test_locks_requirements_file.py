"""Requirements files: read as pip reads them, and nothing secret of them is kept."""

from __future__ import annotations

import codecs
import random
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from pip._internal.req import req_file as pip_file

from pyve_core import HelperError
from pyve_locks.manifest import Manifest, canonical, compare, read_manifest
from pyve_locks.requirement import expand, strip_credentials
from pyve_locks.requirements_file import list_lines, split_options

if TYPE_CHECKING:
    from pathlib import Path

HASHES = [f"sha256:{digit * 64}" for digit in "ab"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "a project"
    place.mkdir()
    return place


def read(root: Path, text: str | bytes, environ: dict[str, str] | None = None) -> Manifest:
    if isinstance(text, str):
        text = textwrap.dedent(text).encode()
    (root / "requirements.in").write_bytes(text)
    return read_manifest(root, environ or {})


def asked(manifest: Manifest) -> list[str]:
    return [requirement.canonical() for requirement in manifest.roots[""]]


def fails(root: Path, text: str | bytes, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(HelperError) as caught:
        read(root, text, environ)
    assert caught.value.code == "E_MANIFEST"
    return "\n".join([caught.value.message, *caught.value.why])


# Lines

PIECES = [
    *("a>=1", "b", " ", "\\", "\\\n", "\n", "\r\n", "# c", "#c", " #", "\t", "\f", "--pre", "-r x"),
    *(
        "${A}",
        "${B_1}",
        "${UNSET}",
        "${lower}",
        "$A",
        "'",
        '"',
        ";",
        "\u2028",
        "\x0b",
        "\\\\",
        "-",
        "é",
    ),
]


def test_lines_are_those_that_pip_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"A": "one", "B_1": "two # x", "EMPTY": ""}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    chance = random.Random(7)
    for _ in range(3000):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randrange(12)))
        ours = [(number, expand(line, environ)) for number, line in list_lines(text)]
        assert ours == list(pip_file.preprocess(text)), repr(text)


def test_options_begin_where_they_do_for_pip() -> None:
    for line in ("a --hash=x", "a -C b=c", "-e .", "a; b == 'c' --hash x", "a-b --c", "a", "--pre"):
        before, options = pip_file.break_args_options(line)
        assert split_options(line) == (before.strip(), options)


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "é".encode(),
        "é".encode("utf-16"),
        codecs.BOM_UTF16_BE + "é".encode("utf-16-be"),
        "é".encode("utf-32"),
        codecs.BOM_UTF32_BE + "é".encode("utf-32-be"),
        "# vim: set fileencoding=latin-1 :\né".encode("latin-1"),
        "#!x\n# -*- coding: cp1252 -*-\né".encode("cp1252"),
    ],
)
def test_a_file_is_decoded_by_its_mark_or_its_comment(root: Path, data: bytes) -> None:
    assert "'é' is no requirement" in fails(root, data)


def test_what_cannot_be_decoded_is_told_with_its_line(root: Path) -> None:
    said = fails(root, "a\nb\nc # é\n".encode("latin-1"))
    assert said.startswith("requirements.in, line 3: the text is not utf-8")
    assert "coding: latin-1" in said
    assert "'klingon' is not known" in fails(root, b"# coding: klingon\na\n")
    assert "line 2: there is a NUL" in fails(root, b"a\nb\0\n")
    assert fails(root, b"# coding: rot13\na\n").startswith("requirements.in: ")
    assert "the text is not" in fails(root, b"# coding: undefined\na\n")


# Requirements


def test_every_way_to_ask_for_something_is_understood(root: Path) -> None:
    for name in ("libs/one", "libs/two", "a b"):
        (root / name).mkdir(parents=True)
    (root / "libs/one/pyproject.toml").write_text('[project]\nname = "One.Lib"\n')
    (root / "libs/two/setup.cfg").write_text("[metadata]\nname = two\n")
    (root / "a b/setup.py").write_text("import setuptools as s\ns.setup(version='1', name='ab')\n")
    (root / "w-1.0-py3-none-any.whl").write_bytes(b"")
    (root / "s-1.0.tar.gz").write_bytes(b"")
    (root / "x.zip").write_bytes(b"")
    (root / "setup.py").write_text("import x\nsetup(name=x.name)\n")
    manifest = read(
        root,
        f"""
        Plain.Name
        req [B,a] ~=1.0, != 1.0.0 , ==1.0.* ; python_version<'3.9'  # comment
        hashed == 1.0 \\
            --hash={HASHES[1]} \\
            --hash={HASHES[0].upper().replace("SHA", "sha")}
        set -C a=b --config-settings=c=d
        ===
        """.replace("===", "ident === 1.0-x"),
    )
    assert asked(manifest) == [
        "plain-name",
        'req[a,b]!=1,==1.0.*,~=1.0; python_version < "3.9"',
        f"hashed==1 --hash={HASHES[0]} --hash={HASHES[1]}",
        "set -C=a=b -C=c=d",
        "ident===1.0-x",
    ]
    lines = [requirement.line for requirement in manifest.roots[""]]
    assert lines == [2, 3, 4, 7, 8]
    manifest = read(
        root,
        """
        -e .
        -e libs/one[X, y] ; python_version < "3.9" --config-settings a=b
        --editable=./libs/one
        -e "a b"
        ./libs/two;os_name=="nt"
        libs/two[z]
        named @ ./libs/two
        w-1.0-py3-none-any.whl
        ./s-1.0.tar.gz#sha256=00
        x.zip
        -e git+https://example.com/r.git@main#egg=Git_Lib[q]&subdirectory=s
        git+ssh://git@example.com/r@v1#egg=ssh-lib
        HTTPS://Example.COM/d/Wheel_Lib-2.0-py3-none-any.whl ; os_name == "nt"
        https://example.com/sdist_lib-2.0.tar.gz#sha256=00
        https://example.com/zipball
        https://example.com/zip;ball ; os_name == "nt"
        direct @ https://example.com/zip;ball ; os_name == "nt"
        direct2@https://example.com/zip
        """,
    )
    assert asked(manifest) == [
        "-e .",
        '-e one-lib[x,y] @ ./libs/one ; python_version < "3.9" -C=a=b',
        "-e one-lib @ ./libs/one",
        "-e ab @ ./a b",
        'two @ ./libs/two ; os_name == "nt"',
        "two[z] @ ./libs/two",
        "named @ ./libs/two",
        "w @ ./w-1.0-py3-none-any.whl",
        "s @ ./s-1.0.tar.gz#sha256=00",
        "./x.zip",
        "-e git-lib[q] @ git+https://example.com/r.git@main#subdirectory=s",
        "ssh-lib @ git+ssh://git@example.com/r@v1",
        'wheel-lib @ https://example.com/d/Wheel_Lib-2.0-py3-none-any.whl ; os_name == "nt"',
        "sdist-lib @ https://example.com/sdist_lib-2.0.tar.gz#sha256=00",
        "https://example.com/zipball",
        'https://example.com/zip;ball ; os_name == "nt"',
        'direct @ https://example.com/zip;ball ; os_name == "nt"',
        "direct2 @ https://example.com/zip",
    ]
    named = {requirement.name: requirement for requirement in manifest.roots[""]}
    assert named["ab"].pep508(root) == f"ab @ {(root / 'a b').as_uri()}"
    assert named["s"].pep508(root).endswith("/s-1.0.tar.gz#sha256=00")
    with pytest.raises(ValueError, match="name"):
        named[""].pep508(root)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a >", "'a >' is no requirement"),
        ("a b", "'a b' is no requirement"),
        ("a>=1.*", "'a>=1.*' is no requirement"),
        ("a; python_verison<'3'", "is no requirement"),
        ("./libs ; os_name", "'os_name' is no marker"),
        ("./nothing", "there is no './nothing'\na path counts from the project's folder"),
        ("-e nothing", "there is no 'nothing'"),
        ("a @ file:///nothing/there", "there is no 'file:///nothing/there'"),
        ("a @ file://host/libs", "is on another machine"),
        ("https://[x", "is no URL"),
        ("-e", "-e has nothing behind it"),
        ("-e https://example.com/a.zip", "cannot be editable"),
        ("a --hash=sha256:00", "'--hash=sha256:00' is no hash"),
        ("a --hash=md5:d41d8cd98f00b204e9800998ecf8427e", "is no hash"),
        ("a --index-url https://example.com", "--index-url stands on a line of its own"),
        ("a -r x", "--requirement stands on a line of its own"),
        (f"--hash={HASHES[0]}", "belong behind a requirement"),
        ("--no-such-option", "no such option: --no-such-option"),
        ("--no", "is not understood"),
        ("--pre a", "'a' has no option before it"),
        ("-r", "is not understood"),
        ("-i 'x", "is not understood"),
        ("-r a -c b", "a line includes one file"),
        ("--all-releases a", "only :all: is known"),
        ("-c more.txt", "there is no file more.txt"),
        ("-r libs", "libs: no file"),
        ("-r https://example.com/r.txt", "is not a file of the project"),
        ("-r ../outside.txt", "'../outside.txt' is outside of the project"),
        ("-r /etc/hostname", "'/etc/hostname' is outside of the project"),
        ("-r file:///etc/hostname", "'/etc/hostname' is outside of the project"),
        ("-r linked.txt", "'linked.txt' is outside of the project"),
        ("-r sub/linked/x.txt", "is outside of the project"),
        ("-r requirements.in", "requirements.in -> requirements.in"),
        (r"-r 'a\b'", "has a backslash or a line break"),
    ],
)
def test_a_mistake_is_told_with_its_line(root: Path, line: str, words: str) -> None:
    (root / "libs").mkdir()
    (root / "sub").mkdir()
    (root.parent / "outside.txt").write_text("secret of somebody else")
    (root / "linked.txt").symlink_to("../outside.txt")
    (root / "sub/linked").symlink_to("../../")
    said = fails(root, f"# first\nfine \\\n  >= 1\n{line}\nlast\n")
    assert said.startswith("requirements.in, line 4: "), said
    assert words in said
    assert "somebody" not in said


def test_a_mistake_in_a_continued_line_is_told_with_the_line_where_it_begins(root: Path) -> None:
    assert fails(root, "a\nb \\\n >= \\\n 1 x\n").startswith("requirements.in, line 2: ")


# Files that include others


def test_included_files_count_from_the_one_that_includes_them(root: Path) -> None:
    (root / "more").mkdir()
    (root / "libs").mkdir()
    (root / "libs/setup.py").write_text("setup(name='lib')")
    (root / "more/one.txt").write_text("-r two.txt\n-c ../limits.txt\none\n./libs\n-f links\n")
    (root / "more/two.txt").write_text("two\n--extra-index-url https://example.com/two\n")
    (root / "more/links").mkdir()
    (root / "limits.txt").write_text(f"Two < 3 ; os_name=='nt'\nlib==1 --hash={HASHES[0]}\n")
    manifest = read(root, "-rmore/one.txt\nfirst\n--requirement=more/two.txt\n")
    assert asked(manifest) == ["two", "one", "lib @ ./libs", "first"]
    assert manifest.constraints == ('two<3; os_name == "nt"', "lib==1")
    assert manifest.constraint_requirements[1].hashes == (HASHES[0],)
    assert manifest.files == (
        *("requirements.in", "more/one.txt", "more/two.txt", "limits.txt"),
        "libs/setup.py",
    )
    assert [source.use for source in manifest.options.find_links] == ["./more/links"]
    (root / "more/two.txt").write_text("-c one.txt\n")
    said = fails(root, "-rmore/one.txt\n")
    assert said.startswith("more/two.txt, line 1: files include each other")
    assert "more/one.txt -> more/two.txt -> more/one.txt" in said


def test_files_that_include_the_same_file_many_times_do_not_multiply(root: Path) -> None:
    for number in range(40):
        (root / f"f{number}").write_text(f"-r f{number + 1}\n-r f{number + 1}\na{number}\n")
    (root / "f40").write_text("end\n")
    assert len(read(root, "-r f0\n").roots[""]) == 41


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-e .", "'.' cannot be a constraint"),
        ("https://example.com/ball", "cannot be a constraint"),
        ("a[x]<2", "a constraint has no extras"),
    ],
)
def test_what_cannot_be_a_constraint_is_told(root: Path, line: str, words: str) -> None:
    (root / "limits.txt").write_text(f"\n{line}\n")
    said = fails(root, "-c limits.txt\n")
    assert said.startswith("limits.txt, line 2: ")
    assert words in said


# Options, variables and secrets


def test_options_are_kept_apart(root: Path) -> None:
    (root / "wheels").mkdir()
    manifest = read(
        root,
        """
        -i https://example.com/old
        --index-url=https://example.com/simple
        --extra-index https://example.com/a --extra-index-url https://example.com/b
        -f wheels
        --find-links https://example.com/links
        -f ../beside
        --no-binary Some.Thing,other --only-binary=:all:
        --no-binary :none: --no-binary last
        --pre
        --prefer-binary
        --require-hashes
        --trusted-host example.com
        --use-feature something
        a
        """,
    )
    options = manifest.options
    assert options.index_url is not None
    assert options.index_url.use == "https://example.com/simple"
    assert [source.use for source in options.extra_index_urls] == [
        "https://example.com/a",
        "https://example.com/b",
    ]
    links = ["./wheels", "https://example.com/links", "../beside"]
    assert [source.use for source in options.find_links] == links
    assert options.no_binary == ("last",)
    assert options.only_binary == (":all:",)
    assert (options.pre, options.prefer_binary, options.require_hashes) == (True, True, True)
    assert options.trusted_hosts == ("example.com",)
    assert json_of(manifest)["options"] == {
        "extra-index-url": ["https://example.com/a", "https://example.com/b"],
        "find-links": links,
        "index-url": "https://example.com/simple",
        "no-binary": ["last"],
        "only-binary": [":all:"],
        "pre": True,
        "prefer-binary": True,
    }
    assert asked(manifest) == ["a"]
    plain = read(root, "--no-index\n--pre\n--only-final :all:\n--require-hashes\n")
    assert (plain.options.no_index, plain.options.pre) == (True, False)
    assert read(root, "--all-releases :all:").options.pre
    off = read(root, "--require-hashes\n--no-require-hashes\n")
    assert not off.options.require_hashes


def json_of(manifest: Manifest) -> Any:
    import json

    return json.loads(canonical(manifest))


def test_variables_are_expanded_for_use_and_kept_in_what_is_written(root: Path) -> None:
    text = """
        a @ https://${USER_1}:${TOKEN}@example.com/${PART}/a.zip ; os_name == "nt"
        https://${TOKEN}@example.com/b-1.0.tar.gz
        -e git+https://${TOKEN}@example.com/${PART}.git@main#egg=c
        d == ${VERSION}
        --index-url https://${TOKEN}@example.com/${PART}/simple
        --extra-index-url https://example.com/${TOKEN}/simple
        -f ${LINKS}
        """
    environ = {"USER_1": "anna", "TOKEN": "sesame-open", "VERSION": "1.5", "LINKS": "/elsewhere"}
    first = read(root, text, {**environ, "PART": "p"})
    urls = [requirement.url for requirement in first.roots[""]]
    assert urls == [
        "https://anna:sesame-open@example.com/p/a.zip",
        "https://sesame-open@example.com/b-1.0.tar.gz",
        "git+https://sesame-open@example.com/p.git@main#egg=c",
        "",
    ]
    assert asked(first) == [
        'a @ https://example.com/${PART}/a.zip ; os_name == "nt"',
        "b @ https://example.com/b-1.0.tar.gz",
        "-e c @ git+https://example.com/${PART}.git@main",
        "d==1.5",
    ]
    assert first.options.index_url is not None
    assert first.options.index_url.use == "https://sesame-open@example.com/p/simple"
    options = json_of(first)["options"]
    assert options["index-url"] == "https://example.com/${PART}/simple"
    assert options["extra-index-url"] == ["https://example.com/${TOKEN}/simple"]
    assert options["find-links"] == ["${LINKS}"]
    # Where the variables are others, the manifest is the same.
    second = read(root, text, {"VERSION": "1.5", "TOKEN": "else", "USER_1": "x", "LINKS": "/other"})
    assert canonical(second) == canonical(first)
    assert "'d == ${VERSION}' is no requirement" in fails(root, text)


def test_a_path_with_a_variable_is_kept_as_it_is_written(root: Path) -> None:
    text = "-e ${LIBS}/a ; os_name == 'nt'\nb @ file:///${PROJECT_ROOT}/b\n"
    for name in ("one/a", "two/a", "b"):
        (root / name).mkdir(parents=True)
    first = read(root, text, {"LIBS": "one"})
    assert asked(first) == ['-e ${LIBS}/a ; os_name == "nt"', "b @ ./b"]
    assert [requirement.path for requirement in first.roots[""]] == ["one/a", "b"]
    assert canonical(read(root, text, {"LIBS": "two"})) == canonical(first)


def test_a_local_repository_is_relative_in_what_a_lock_holds(root: Path) -> None:
    url = f"git+{(root / 'a b').as_uri()}@main#egg=a"
    manifest = read(root, f"-e {url}\nb @ git+file:///${{PROJECT_ROOT}}/b@v1\n")
    assert asked(manifest) == [
        "-e a @ git+file:./a%20b@main",
        "b @ git+file:///${PROJECT_ROOT}/b@v1",
    ]
    assert manifest.roots[""][0].url == url


SECRETS = ("sesame-open", "anna-banana")


@pytest.mark.parametrize(
    "line",
    [
        "a @ https://anna-banana:sesame-open@example.com/a.zip",
        "a @ https://sesame-open@example.com/a.zip",
        "a @ https://anna-banana:sesame/sesame-open@example.com/a.zip",
        "a @ git+https://anna-banana:sesame-open@example.com/a@main",
        "-e git+ssh://git:sesame-open@example.com/a#egg=a",
        "git+ssh://git:sesame-open@example.com/a#egg=a",
        "https://example.com/t/sesame-open/a.zip",
        "https://example.com/a.zip?token=sesame-open&x=1",
        "https://example.com/a.zip?next=https://anna-banana:sesame-open@example.com",
        "--index-url https://anna-banana:sesame-open@example.com/simple",
        "--extra-index-url=https://anna-banana:sesame-open@example.com/simple",
        "-f https://anna-banana:sesame-open@example.com/links",
    ],
)
def test_no_credential_is_in_what_a_lock_holds_or_people_read(root: Path, line: str) -> None:
    manifest = read(root, f"{line}\n")
    shown = [canonical(manifest), repr(manifest), *asked(manifest)]
    shown += compare(canonical(read(root, "z\n")), canonical(manifest))
    shown.append(fails(root, f"{line} --wrong\n"))
    shown.append(fails(root, f"{line} ; wrong\n"))
    shown.append(fails(root, f"-r {line}\n"))
    for text in shown:
        assert not [secret for secret in SECRETS if secret in text]
    # Another password is no other manifest.
    (root / "requirements.in").write_text(line.replace("sesame-open", "another-word"))
    assert canonical(read_manifest(root, {})) == canonical(manifest)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example/x", "https://h.example/x"),
        ("git+ssh://git@h.example/x", "git+ssh://git@h.example/x"),
        ("git+ssh://git:p@h.example:22/x@v", "git+ssh://git@h.example:22/x@v"),
        ("ssh://h.example/x", "ssh://h.example/x"),
        ("https://${A}:${B}@h.example/x", "https://h.example/x"),
        ("./a", "./a"),
        ("https://h.example/x@v#egg=a", "https://h.example/x@v#egg=a"),
        ("https://h.example/?token=abc&a=b", "https://h.example/?token=***&a=b"),
    ],
)
def test_credentials_are_taken_out_of_a_url(url: str, shown: str) -> None:
    assert strip_credentials(url) == shown

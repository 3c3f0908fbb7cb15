"""pyve_locks.edit: requirements go in and out of a requirements file; all else stays."""

from __future__ import annotations

import random
from functools import partial

import pytest
from editing import NAMES, NEW, add, bare, complain, remove
from packaging.utils import canonicalize_name
from pip._internal.req.req_file import preprocess

from pyve_core import HelperError
from pyve_locks.edit import add_requirements, remove_requirements


def judge(text: str) -> list[str]:
    """Give the lines that pip sees."""
    return [line for _, line in preprocess(text)]


@pytest.mark.parametrize(
    ("before", "wish", "after"),
    [
        ("", "b", "b\n"),
        ("a", "b", "a\nb"),
        ("a\r\nc\r\n", "b", "a\r\nb\r\nc\r\n"),
        ("# head\n\n# of c\nc\n", "b", "# head\n\nb\n# of c\nc\n"),
        ("# head\nc\n", "b", "# head\nb\nc\n"),
        ("\n# -*- coding: utf-8 -*-\nc\n", "b", "\n# -*- coding: utf-8 -*-\nb\nc\n"),
        ("z\na\n# end\n", "b", "z\na\nb\n# end\n"),
        ("a==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via c\nc\n", "b", None),
        ("-r x.txt\n-c y.txt\n--pre\n", "b", "-r x.txt\n-c y.txt\n--pre\nb\n"),
        ("a\n./lib\n-e git+https://host.example/p#egg=p\n", "b", None),
        ("a  # of a \n", "b", "a  # of a \nb\n"),
        ("a\n", "-e ./lib", "a\n-e ./lib\n"),
        ("a\n", "./lib", "a\n./lib\n"),
        ("a\n", "https://host.example/b-1.0.tar.gz", "a\nhttps://host.example/b-1.0.tar.gz\n"),
        ("a\n", "b==1 --hash=sha256:aa", "a\nb==1 \\\n    --hash=sha256:aa\n"),
        ("a\n", "b;python_version>'3'", 'a\nb; python_version > "3"\n'),
        ("a\n", "b @ https://host.example/b.zip#sha256=0", None),
    ],
)
def test_a_line_is_added_and_goes_again(before: str, wish: str, after: str | None) -> None:
    new = add(before, wish, kind="requirements")
    if after is not None:
        assert new == after
    assert len(judge(new)) == len(judge(before)) + 1
    name = "./lib" if "lib" in wish else "b"
    assert remove(new, name, kind="requirements") == before


def test_a_line_is_changed_in_place_and_keeps_its_comment_and_options() -> None:
    text = "-i https://host.example/simple\nFoo [x] >= 1,<2 \\\n  --config-settings=a=b  # why\nz\n"
    assert add(text, "foo>=3", kind="requirements") == text.replace("Foo [x] >= 1,<2", "Foo[x]>=3")
    broken = "foo \\\n  >=1 # why\nz"
    assert add(broken, "foo>=3", kind="requirements") == "foo>=3 # why\nz"
    assert add("-e ./foo#egg=foo # c\n", "foo>=1", kind="requirements") == "foo>=1 # c\n"
    assert add("foo>=1 # c\n", "-e ./foo#egg=foo", kind="requirements") == "-e ./foo#egg=foo # c\n"


def test_hashes_belong_to_their_version() -> None:
    text = "a\nfoo==1 \\\n    --hash=sha256:aa  # c\nz\n"
    assert add(text, "foo", kind="requirements") == text
    assert add(text, "foo==1", kind="requirements") == text
    error = complain(lambda: add(text, "foo==2", kind="requirements"))
    assert "line 2: foo has hashes" in error.message
    assert (
        add(text, "foo==2 --hash=sha256:bb", kind="requirements")
        == "a\nfoo==2 --hash=sha256:bb  # c\nz\n"
    )


def test_what_pip_compile_wrote_below_a_line_goes_with_it() -> None:
    text = "a==1\n    # via\n    #   b\n# of b\nb==2\n    # via -r x.in\n"
    assert remove(text, "a", kind="requirements") == "# of b\nb==2\n    # via -r x.in\n"
    assert remove(text, "b", kind="requirements") == "a==1\n    # via\n    #   b\n# of b\n"


def test_lines_without_a_name_are_removed_by_their_path() -> None:
    text = "-e ./lib[x]\n./dist/foo-1.0-py3-none-any.whl\nhttps://host.example/bar-2.tar.gz\n"
    assert remove_requirements(text, "requirements", ["foo", "bar", "./lib[x]"]) == (
        "",
        ("./dist/foo-1.0-py3-none-any.whl", "https://host.example/bar-2.tar.gz", "-e ./lib[x]"),
    )


@pytest.mark.parametrize(
    ("text", "wish", "said"),
    [
        ("a\nfoo==\n", "b", "line 2: 'foo==' is no requirement"),
        ("<<<<<<< HEAD\na\n", "b", "line 1: '<<<<<<< HEAD' is no requirement"),
        ("a \\\n", "b", "line 1: it ends in a backslash"),
        ("a\n\nb<1\nb>0\n", "b", "lines 3, 4"),
        ("-e ./b#egg=b\nb>0\n", "b", "lines 1, 2"),
        ("", "-r x.txt", "'-r x.txt' is no requirement"),
        ("", "b --index-url x", "'--index-url x' cannot stand behind"),
        ("", "b # c", "is no requirement"),
        ("", "./b # c", "has a comment in it"),
        ("", "./b\\", "is no requirement"),
    ],
)
def test_what_cannot_be_done_with_lines_is_said(text: str, wish: str, said: str) -> None:
    error = complain(lambda: add(text, wish, kind="requirements"))
    assert error.message.startswith("requirements.txt")
    assert said in error.message


def test_requirements_files_have_no_groups() -> None:
    for call in (add_requirements, remove_requirements):
        error = complain(partial(call, "", "requirements", ["a"], "group:dev"))
        assert "no group dev" in error.message


def make_lines(random_: random.Random) -> str:
    """Write a requirements file in all ways."""
    lines = []
    names = random_.sample(NAMES, random_.randint(0, 5))
    if random_.random() < 0.6:
        names.sort(key=canonicalize_name)
    for name in names:
        for _ in range(random_.randint(0, 2)):
            other = ["", "# c", "  # via d", "-r other.txt", "--pre  # p", "-e ./x", " \\\n  "]
            lines.append(random_.choice(other))
        line = random_.choice(["", "", " "]) + name + random_.choice(["", ">=1", " \\\n  >=1,<2"])
        line += random_.choice(["", " \\\n    --hash=sha256:00", " ; os_name == 'nt'"])
        lines.append(line + random_.choice(["", "  # of it", " #", "\t# \\ x"]))
        lines += random_.choice([[], ["    # via x"], ["# of the next"]])
    end = random_.choice(["\n", "\r\n"])
    return "\n".join(lines).replace("\n", end) + random_.choice(["", end, end + end])


def test_any_requirements_file_gets_back_to_the_byte_what_it_was() -> None:
    seen = 0
    for seed in range(500):
        random_ = random.Random(seed)
        before, new = make_lines(random_), random_.choice([*NEW, "-e ../new", "b==1 --hash=md5:00"])
        try:
            after = add(before, new, kind="requirements")
        except HelperError as error:
            assert "ends in a backslash" in error.message
            continue
        seen += 1
        lines, old = judge(after), judge(before)
        assert len(lines) == len(old) + 1
        assert [line for line in lines if line in old] == old
        name = "../new" if "../new" in new else bare(new.partition(" --")[0])
        left, removed = remove_requirements(after, "requirements", [name])
        assert (left, len(removed)) == (before, 1), (seed, before, after)
    assert seen > 300

"""The lines of a .env that bash, direnv and python-dotenv read differently, judged by the three."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from dotenv_readers import make_usual_text, readers

# A line, and a part of the reason why it is pointed at.
DIFFERENT = [
    ("A =b", "blanks before the ="),
    ("export A =b", "blanks before the ="),
    ("A= b", "blanks after the ="),
    ("A=  'b'", "blanks after the ="),
    ("A= # b", "comment comes right after the ="),
    ("A=b c", "blanks and no quotes"),
    ("A=b c # d", "blanks and no quotes"),
    ("export A=b B=c", "blanks and no quotes"),
    ("A=b#c", "beginning of a comment"),
    ("A=#b", "beginning of a comment"),
    ("A: b", "colon instead of ="),
    ("A: 'b'", "colon instead of ="),
    ("A=$E", "python-dotenv does not replace $NAME"),
    ('A="x $E"', "python-dotenv does not replace $NAME"),
    ("A=pa$$word", "what follows the $"),
    ("A=$1", "what follows the $"),
    ('A="${E#f}"', "what follows the $"),
    ("A=${EMPTY:-b}", "${NAME:-default}"),
    ("A=${HOSTNAME}", "not in the environment"),
    ("A=${PWD}", "not in the environment"),
    ("A='${E}'", "between single quotes"),
    ("A='b\\\\c'", "\\\\ and \\' between single quotes"),
    ("A='it'\\''s'", "behind the closing quote"),
    ("A=`b`", "a shell runs"),
    ('A="`b`"', "a shell runs"),
    ("A=$(b)", "a shell runs"),
    ('A="$(b)"', "a shell runs"),
    ('A="b\\nc"', "a backslash in double quotes"),
    ('A="\\$E"', "a backslash in double quotes"),
    ('A="C:\\dir"', "a backslash in double quotes"),
    ("A=b\\nc", "takes the backslash away"),
    ("A=C:\\dir", "takes the backslash away"),
    ("A=it's", "a quote in the value"),
    ('A=b"c"', "a quote in the value"),
    ("A='b'c", "behind the closing quote"),
    ("A='b' c", "behind the closing quote"),
    ('A="b"#c', "behind the closing quote"),
    ("A='b' # 'c'", "a quote in the comment"),
    ('A="b" # "c"', "a quote in the comment"),
    ("A='b\nc'", "goes on in the next line"),
    ('A="b\nc"', "goes on in the next line"),
    ("A='b", "never closed"),
    ('A="b\\"', "never closed"),
    ("A=b\r", "carriage return"),
    ("# b\rA=c", "carriage return"),
    ("1A=b", "none that a shell can have"),
    ("a.b=c", "none that a shell can have"),
    ("a-b=c", "none that a shell can have"),
    ("'A'=b", "none that a shell can have"),
    ("A+=b", "none that a shell can have"),
    ("export A", "it has no ="),
    ("A", "it has no ="),
    ("A=~/b", "the home folder"),
    ("A=/b:~/c", "the home folder"),
    ("A=b&c", "for its own"),
    ("A=b;c", "for its own"),
    ("A=http://h/?b=c&d=e", "for its own"),
    ("A=(b)", "for its own"),
    ("A=<b", "for its own"),
    ("export A={b,c}", "braces"),
    ("UID=5", "of this name"),
    ("PWD=/b", "of this name"),
    ("A=b\u00a0", "a blank of Unicode"),
    ("A='\x01'", "control character"),
    ("\ufeffA=b", "byte order mark"),
    (b"A='\xff'", "not UTF-8"),
    (b"# \xff", "not UTF-8"),
]

# (Which of those are pointed at for another reason than that the three differ on this machine.)
CAREFUL = {"A= # b", "A='\x01'", "PWD=/b"}


def test_each_kind_of_difference_is_pointed_at_with_its_line_and_reason(tmp_path: Path) -> None:
    texts = [line if isinstance(line, bytes) else line.encode() for line, _ in DIFFERENT]
    around = [text if text.startswith(b"\xef") else b"OK=1\n\n" + text + b"\n" for text in texts]
    with readers(tmp_path, around) as made:
        for number, found in enumerate(made.differences()):
            line, reason = DIFFERENT[number]
            where = 1 if around[number] is texts[number] else 3
            assert list(found) == [where], (line, found)
            assert reason in found[where], (line, found)


@pytest.mark.requires_direnv
def test_what_is_pointed_at_is_read_differently_by_someone(tmp_path: Path) -> None:
    lines = [line for line, _ in DIFFERENT if line not in CAREFUL]
    with readers(
        tmp_path, [line if isinstance(line, bytes) else line.encode() for line in lines]
    ) as made:
        before = made.by_shell()
        assert before is not None
        for number, line in enumerate(lines):
            assert not made.is_read_alike(number, before), line


@pytest.mark.requires_direnv
def test_usual_lines_are_read_alike_and_not_pointed_at(tmp_path: Path) -> None:
    lines = r"""A=value
        A='a b'
        A="a b"
        # a comment: with 'anything' "in it" $(and) `so` on \
        export A=1
        A=https://user:pass@host.example:8080/a/b.c?d=e%20f
        A=-3.14
        A=/usr/local/bin:/bin
        A=
        A=''
        A=""
        A=b # c
        A='b' # it's
        A="b"	# it's
        A='{"b": [1, "c"]}'
        A="{\"b\": 1}"
        A=[b,c]
        A=*
        A=b?*.c
        A=${E}/b
        A="${E} b"
        A=${NOPE}
        PATH=${PATH}:/b
        A='pa$$word#'
        A='C:\dir'
        A="5$"
        A=$
        A="it's"
        A='say "b"'
        A=aGVsbG8=
        A=2024-01-01T00:00:00+02:00
        A=b@c.d
        A="Jörg ☃"
        A=Jörg
        A=b!c^d
        A={b}
        a=b
        _A1=b"""
    texts = [line.strip(" ").encode() for line in lines.split("\n")]
    texts += [b"", b"\n", b" \t\n", b"A=b   \n", b"A=1\nA=2\n", b"A=b\n\n# c\n\nB=${A}\n", b"  A=b"]
    with readers(tmp_path, texts) as made:
        before = made.by_shell()
        assert before is not None
        for number, found in enumerate(made.differences()):
            assert found == {}, texts[number]
            assert made.is_read_alike(number, before), texts[number]


@pytest.mark.requires_direnv
@pytest.mark.parametrize("seed", range(4))
def test_no_text_that_is_read_differently_goes_unnoticed(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    texts = [make_usual_text(source) for _ in range(80)]
    alike = 0
    with readers(tmp_path, texts) as made:
        before = made.by_shell()
        assert before is not None
        for number, found in enumerate(made.differences()):
            if not found:
                alike += 1
                assert made.is_read_alike(number, before), texts[number]
    assert alike > 8

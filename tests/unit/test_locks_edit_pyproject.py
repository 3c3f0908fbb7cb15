"""pyve_locks.edit: requirements go in and out of a pyproject.toml; all else stays."""

from __future__ import annotations

from functools import partial

import pytest
from editing import add, complain, project, remove

from pyve_locks.edit import add_requirements, remove_requirements, set_source

# --- pyproject.toml: lists as people write them

LAYOUTS = {
    "a line each, comma at the end": (
        '[\n    "a",\n    "c>=2",  # why\n]',
        '[\n    "a",\n    "b",\n    "c>=2",  # why\n]',
        '[\n    "a",\n    "c>=2",  # why\n    "d",\n]',
    ),
    "a line each, no comma at the end": (
        '[\n  "a", # one\n  "c" # two\n]',
        '[\n  "a", # one\n  "b",\n  "c" # two\n]',
        '[\n  "a", # one\n  "c", # two\n  "d"\n]',
    ),
    "one line": ('["a", "c"]', '["a", "b", "c"]', '["a", "c", "d"]'),
    "one line, tight": ('["a","c"]', '["a","b","c"]', '["a","c","d"]'),
    "one line, comma at the end": ('[ "a", "c", ]', '[ "a", "b", "c", ]', '[ "a", "c", "d", ]'),
    "one line, literal texts": ("['a', 'c']", "['a', 'b', 'c']", "['a', 'c', 'd']"),
    "hanging": (
        '["a",\n                "c"]',
        '["a",\n                "b",\n                "c"]',
        '["a",\n                "c",\n                "d"]',
    ),
    "comma first": (
        '[ "a"\n  , "c" # c\n  ]',
        '[ "a"\n  , "b"\n  , "c" # c\n  ]',
        '[ "a"\n  , "c"\n  , "d" # c\n  ]',
    ),
    "comma on a line of its own": (
        '[\n  "a"\n  ,\n  "c"\n]',
        '[\n  "a"\n  ,\n  "b"\n  ,\n  "c"\n]',
        '[\n  "a"\n  ,\n  "c"\n  ,\n  "d"\n]',
    ),
    "several in a line": (
        '[\n  "a", "c",\n  "c2",\n]',
        '[\n  "a", "b", "c",\n  "c2",\n]',
        '[\n  "a", "c",\n  "c2",\n  "d",\n]',
    ),
    "tabs": (
        '[\n\t"a",\n\t"c",\n]',
        '[\n\t"a",\n\t"b",\n\t"c",\n]',
        '[\n\t"a",\n\t"c",\n\t"d",\n]',
    ),
    "comments on their own": (
        '[\n    # of a, with ", and ]\n    "a",\n    # of c\n    "c",\n    # the end\n]',
        '[\n    # of a, with ", and ]\n    "a",\n    "b",\n    # of c\n    "c",\n    # the end\n]',
        '[\n    # of a, with ", and ]\n    "a",\n    # of c\n    "c",\n    "d",\n    # the end\n]',
    ),
    "no alphabetical order": (
        '[\n    "z",\n    "a",\n]',
        '[\n    "z",\n    "a",\n    "b",\n]',
        '[\n    "z",\n    "a",\n    "d",\n]',
    ),
    "nothing in it": ("[]", '[\n    "b",\n]', '[\n    "d",\n]'),
    "nothing but blanks in it": ("[ ]", '[ "b" ]', '[ "d" ]'),
    "nothing but a line in it": ("[\n]", '[\n    "b"\n]', '[\n    "d"\n]'),
    "nothing but a comment in it": (
        "[\n  # none yet\n]",
        '[\n  # none yet\n  "b",\n]',
        '[\n  # none yet\n  "d",\n]',
    ),
    "texts over several lines": (
        "[\n    \"\"\"a\"\"\",\n    '''c''',\n]",
        '[\n    """a""",\n    "b",\n    \'\'\'c\'\'\',\n]',
        "[\n    \"\"\"a\"\"\",\n    '''c''',\n    'd',\n]",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_list_keeps_the_way_in_which_it_is_written(name: str, newline: str) -> None:
    before, with_b, with_d = (project(part).replace("\n", newline) for part in LAYOUTS[name])
    assert add(before, "b") == with_b
    assert add(before, "d") == with_d
    assert remove(with_b, "B") == before
    assert remove(with_d, "D") == before


def test_a_front_item_goes_before_the_comments_of_the_next() -> None:
    before = project('[\n    # of b\n    "b",\n]')
    assert add(before, "a") == project('[\n    "a",\n    # of b\n    "b",\n]')


def test_comments_on_lines_of_their_own_survive_a_removal() -> None:
    text = project('[\n    # web\n    "flask",  # of flask\n    # data\n    "numpy",\n]')
    assert remove(text, "flask") == project('[\n    # web\n    # data\n    "numpy",\n]')


def test_a_removal_leaves_no_comma_where_none_was() -> None:
    text = project('[\n    "a", # of a\n    "b"\n]')
    assert remove(text, "b") == project('[\n    "a" # of a\n]')
    assert remove(text, "a", "b") == project("[\n]")
    assert remove(project('["a", # of a\n "b"]'), "b") == project('["a" # of a\n]')
    assert remove(project('["a", # of a\n "b"]'), "a") == project('[# of a\n "b"]')


def test_a_version_is_changed_in_place_and_keeps_quotes_and_comment() -> None:
    text = project("[\n    'Re_quests >= 2', # why, and why\n    \"z\",\n]")
    assert add(text, "re-quests>=3,<4") == project(
        "[\n    'Re_quests>=3,<4', # why, and why\n    \"z\",\n]"
    )
    assert add(text, "re.quests") == text


def test_extras_are_joined_and_a_url_takes_the_place_of_versions() -> None:
    text = project('["a[x]>=1"]')
    assert add(text, "a[y]") == project('["a[x,y]>=1"]')
    assert add(text, "a>=2") == project('["a[x]>=2"]')
    url = "git+ssh://git@host.example/a.git@v1"
    with_url = add(text, f"a @ {url}")
    assert with_url == project(f'["a[x] @ {url}"]')
    assert add(with_url, "a") == with_url
    assert add(with_url, "a<3") == project('["a[x]<3"]')


def test_markers_make_requirements_stand_beside_each_other() -> None:
    text = project('[\n    "a>=1",\n]')
    both = add(text, "a<1; sys_platform=='win32'")
    assert both == project('[\n    "a>=1",\n    "a<1; sys_platform == \'win32\'",\n]')
    assert add(both, "a>=2") == both.replace("a>=1", "a>=2")
    assert add(both, 'a<0.5 ; sys_platform == "win32"') == both.replace("a<1", "a<0.5")
    assert remove(both, "a") == project("[]")
    only_there = project("[\"a; os_name == 'nt'\"]")
    assert add(only_there, "a") == project('["a"]')


def test_where_it_is_not_clear_which_is_meant_nothing_is_changed() -> None:
    text = project("[\n  \"a<1; os_name == 'nt'\",\n  \"a>2; os_name != 'nt'\",\n]")
    error = complain(lambda: add(text, "a==3"))
    assert "more than once (lines 8, 9)" in error.message


@pytest.mark.parametrize(
    ("marker", "written"),
    [
        ("python_version<'3'", "\"b; python_version < '3'\""),
        ('platform_version == "it\'s"', '"b; platform_version == \\"it\'s\\""'),
    ],
)
def test_markers_are_written_without_escapes_where_that_can_be(marker: str, written: str) -> None:
    assert add(project("[]"), f"b;{marker}") == project(f"[\n    {written},\n]")


# --- pyproject.toml: lists that are not there


@pytest.mark.parametrize(
    ("before", "root", "after"),
    [
        (
            '[project]\nname = "x"  # its name\n\n# of the tool\n[tool.a]\n',
            "",
            '[project]\nname = "x"  # its name\ndependencies = [\n    "b",\n]\n'
            "\n# of the tool\n[tool.a]\n",
        ),
        (
            '[project]\nname = "x"\n\n[tool.a]\nlist = [\n  1,\n]\n',
            "extra:web",
            '[project]\nname = "x"\n\n[project.optional-dependencies]\nweb = [\n  "b",\n]\n'
            "\n[tool.a]\nlist = [\n  1,\n]\n",
        ),
        (
            '[project]\nname="x"\noptional-dependencies."dot.ted" = []\n[tool.a]\n',
            "extra:web",
            '[project]\nname="x"\noptional-dependencies."dot.ted" = []\n'
            'optional-dependencies.web = [\n    "b",\n]\n[tool.a]\n',
        ),
        (
            '[project]\nname="x"\noptional-dependencies = { a = [] }',
            "extra:web",
            '[project]\nname="x"\noptional-dependencies = { a = [], web = ["b"] }',
        ),
        (
            '[project]\nname="x"\noptional-dependencies = {}\n',
            "extra:web",
            '[project]\nname="x"\noptional-dependencies = { web = ["b"] }\n',
        ),
        (
            '[project]\nname="x"\n[tool.a]\n[project.optional-dependencies]\nt=[]\n[tool.b]\n',
            "extra:web",
            '[project]\nname="x"\n[tool.a]\n[project.optional-dependencies]\nt=[]\n'
            'web=[\n    "b",\n]\n[tool.b]\n',
        ),
        (
            'project.name = "x"\n[tool.a]\n',
            "extra:web",
            'project.name = "x"\nproject.optional-dependencies.web = [\n    "b",\n]\n[tool.a]\n',
        ),
        (
            'project = { name = "x" }\n',
            "",
            'project = { name = "x", dependencies = ["b"] }\n',
        ),
        (
            'project = { name = "x" }\n',
            "extra:web",
            'project = { name = "x", optional-dependencies.web = ["b"] }\n',
        ),
        (
            '[project]\nname = "x"\n[project.urls]\na = "b"\n\n[[tool.uv.index]]\nname = "i"',
            "group:dev",
            '[project]\nname = "x"\n[project.urls]\na = "b"\n\n[dependency-groups]\ndev = [\n'
            '    "b",\n]\n\n[[tool.uv.index]]\nname = "i"',
        ),
        (
            "[tool.a]\nb = 1",
            "group:dev",
            '[tool.a]\nb = 1\n\n[dependency-groups]\ndev = [\n    "b",\n]',
        ),
        ("", "group:dev", '[dependency-groups]\ndev = [\n    "b",\n]\n'),
        ("# c", "group:dev", '# c\n\n[dependency-groups]\ndev = [\n    "b",\n]'),
        (
            "[dependency-groups]\n  lint = []\n",
            "group:d.ev",
            '[dependency-groups]\n  lint = []\n  "d.ev" = [\n      "b",\n  ]\n',
        ),
        (
            "[ dependency-groups ]\n",
            "group:dev",
            '[ dependency-groups ]\ndev = [\n    "b",\n]\n',
        ),
        (
            "dependency-groups.lint = []\n",
            "group:dev",
            'dependency-groups.lint = []\ndependency-groups.dev = [\n    "b",\n]\n',
        ),
        (
            '[project]\r\nname = "x"\r\n',
            "group:dev",
            '[project]\r\nname = "x"\r\n\r\n[dependency-groups]\r\ndev = [\r\n    "b",\r\n]\r\n',
        ),
    ],
)
def test_a_list_that_is_missing_is_made(before: str, root: str, after: str) -> None:
    assert add(before, "b", root=root) == after
    left = remove(after, "b", root=root)
    assert (add(left, "b", root=root) == after) or "{" in after or "dotted" in after
    assert len(remove_requirements(after, "pyproject", ["b"], root)[1]) == 1
    assert remove_requirements(before, "pyproject", ["b"], root) == (before, ())


def test_groups_and_extras_are_found_however_they_are_spelt() -> None:
    text = '[dependency-groups]\n"Type_Check" = ["a"]\n'
    assert add(text, "b", root="group:type-check") == text.replace('"a"', '"a", "b"')
    assert remove(text, "a", root="group:TYPE.CHECK") == text.replace('"a"', "")


def test_a_group_that_includes_others_is_changed_by_itself() -> None:
    text = (
        '[dependency-groups]\ntest = ["pytest", "a"]\n'
        'dev = [\n    {include-group = "test"},  # all\n    "ruff",\n'
        '    { include-group="docs" }\n]\n'
        "docs = []\n"
    )
    with_black = add(text, "black", root="group:dev")
    assert with_black == text.replace('    "ruff"', '    "black",\n    "ruff"')
    assert remove(with_black, "black", root="group:dev") == text
    assert remove_requirements(text, "pyproject", ["pytest"], "group:dev") == (text, ())
    with_z = add(text, "z", root="group:dev")
    assert with_z == text.replace('"ruff",\n', '"ruff",\n    "z",\n')


def test_tables_out_of_order_stay_where_they_are() -> None:
    text = (
        "[project.optional-dependencies]\nt = ['a']\n[tool.b]\nx = nan\n[[tool.c]]\n"
        '[project]\nname = "x"\n[tool.a]\nd = 1979-05-27 07:32:00\n[project.urls]\n"a]" = "#"\n'
    )
    assert add(text, "b", root="extra:t") == text.replace("['a']", "['a', 'b']")
    assert add(text, "b") == text.replace('"x"\n', '"x"\ndependencies = [\n    "b",\n]\n')


def test_many_are_added_and_removed_at_once() -> None:
    text = project("[]")
    new = add(text, "c>=1", "a", "B ; os_name=='nt'")
    assert new == project('[\n    "a",\n    "B; os_name == \'nt\'",\n    "c>=1",\n]')
    assert remove_requirements(new, "pyproject", ["A", "none", "b", "c"]) == (
        text,
        ("a", "B; os_name == 'nt'", "c>=1"),
    )


# --- pyproject.toml: what cannot be done


@pytest.mark.parametrize(
    ("text", "wish", "root", "said"),
    [
        ("[tool.a]\n", "b", "", "no table [project]"),
        ('[project.urls]\na = "b"\n', "b", "extra:x", "no table [project]"),
        ('[project]\ndynamic = [\n"dependencies"]\n', "b", "", "line 2: 'dependencies' is dynamic"),
        ('[project]\ndependencies = "a"\n', "b", "", "line 2: project.dependencies is no list"),
        ("[project]\ndependencies = [\n1]\n", "b", "", "line 3: an item of project.dependencies"),
        ('[project]\ndependencies = [\n"a"\n"b"]\n', "b", "", "line 4: it cannot be read as TOML"),
        ('[project]\ndependencies = [\n"a",\n"c d"]\n', "b", "", "line 4: 'c d' is no requirement"),
        ("[project]\noptional-dependencies = 1\n", "b", "extra:x", "line 2: [project.optional-"),
        (
            '[[dependency-groups]]\ndev = ["a"]\n',
            "b",
            "group:dev",
            "line 1: [dependency-groups] is no",
        ),
        ('[[project]]\ndependencies = ["a"]\n', "b", "", "no table [project]"),
        ("[project]\n", "b", "extra:-x", "'-x' cannot be the name of an extra"),
        ("[project]\n", "b", "group:", "'group:' cannot be the name of a group"),
        ("[project]\n", "b", "dev", "'dev' cannot be the name of a place"),
        ("[dependency-groups]\na-b=[]\nA_B=[]\n", "b", "group:a.b", "twice, in lines 2 and 3"),
        ("[project]\n", "b==", "", "'b==' is no requirement"),
        ("[project]\n", "", "", "is empty"),
        ("[project]\n", "b\n[tool]", "", "control characters"),
        ("[project]\n", "./b", "", "'./b' has no name"),
        ("[project]\n", "-e ./b", "", "'-e ./b' has no name"),
        ("[project]\n", "https://host.example/b.zip", "", "has no name"),
        ("a = " + "[" * 5000 + "]" * 5000, "b", "group:x", "cannot be read as TOML"),
        ("x = {\na = 1 }\n", "b", "group:x", "cannot be read as TOML"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_line(
    text: str, wish: str, root: str, said: str
) -> None:
    error = complain(lambda: add(text, wish, root=root))
    assert error.message.startswith("pyproject.toml")
    assert said in error.message


def test_the_line_of_the_name_that_the_user_gave_is_said() -> None:
    error = complain(lambda: add_requirements("[", "pyproject", ["a"], path="sub/pyproject.toml"))
    assert error.message.startswith("sub/pyproject.toml, line 1: ")


def test_a_faulty_requirement_can_be_removed() -> None:
    text = project('["good", "b ad"]')
    assert remove_requirements(text, "pyproject", ["b"]) == (project('["good"]'), ("b ad",))


# --- [tool.uv.sources]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[tool.uv.sources]\nlib = S\n"),
        ("[project]\n\n# c\n", "[project]\n\n[tool.uv.sources]\nlib = S\n\n# c\n"),
        (
            '[tool.uv]\npackage = true\n\n[tool.x]\n[project]\nname = "x"\n',
            "[tool.uv]\npackage = true\n\n[tool.uv.sources]\nlib = S\n\n[tool.x]\n[project]\n"
            'name = "x"\n',
        ),
        (
            '[[tool.uv.index]]\nname = "a"',
            '[[tool.uv.index]]\nname = "a"\n\n[tool.uv.sources]\nlib = S',
        ),
        (
            '[tool.uv.sources]\r\na = { git = "g" } # c\r\n',
            '[tool.uv.sources]\r\na = { git = "g" } # c\r\nlib = S\r\n',
        ),
        (
            '[tool.uv]\nsources.a = { git = "g" }\n[tool.x]\n',
            '[tool.uv]\nsources.a = { git = "g" }\nsources.lib = S\n[tool.x]\n',
        ),
        (
            '[tool.uv]\nsources = { a = { git = "g" } }\n',
            '[tool.uv]\nsources = { a = { git = "g" }, lib = S }\n',
        ),
        (
            "[tool]\nuv = { package = true } # c\n",
            "[tool]\nuv = { package = true, sources.lib = S } # c\n",
        ),
        ("[tool]\nuv.package = true\n", "[tool]\nuv.package = true\nuv.sources.lib = S\n"),
        ("[tool.uv.sources]\n# c\n", "[tool.uv.sources]\nlib = S\n# c\n"),
    ],
)
def test_a_source_is_said_in_the_way_of_the_file(before: str, after: str) -> None:
    source = {"path": "../lib", "editable": True}
    after = after.replace("S", '{ path = "../lib", editable = true }')
    assert set_source(before, "lib", source) == after
    assert set_source(after, "LIB", source) == after
    assert set_source(after, "li-b", None) == after
    left = set_source(after, "Lib", None)
    assert left == (before if "\n# c\n" not in after[-8:] or before[:2] != "[t" else "# c\n")
    other = set_source(after, "lib", {"git": "https://host.example/lib.git", "rev": "v1"})
    assert other.count("lib = ") == 1
    assert 'rev = "v1"' in other


def test_a_source_that_is_more_than_a_line_is_left_alone() -> None:
    for text in ("[tool.uv.sources.lib]\npath = 'a'\n", "[tool.uv.sources]\nlib.path = 'a'\n"):
        for source in ({"path": "b"}, None):
            error = complain(partial(set_source, text, "lib", source))
            assert "cannot be edited safely" in error.message
    with_secret = {"git": "https://geheim1@host.example/lib.git"}
    error = complain(lambda: set_source("", "lib", with_secret))
    assert "geheim1" not in error.message
    complain(lambda: set_source("tool.uv.sources = 1\n", "lib", {"path": "a"}))
    complain(lambda: set_source("", "li b", {"path": "a"}))

"""pyve_locks.edit: requirements go in and out of an environment.yml; all else stays."""

from __future__ import annotations

import random

import pytest
import yaml
from editing import NAMES, add, complain, remove

from pyve_locks.edit import remove_requirements

ENVIRONMENT = """\
# An environment: é 𝄞
name: x
channels:
  - conda-forge
dependencies:
  # of python
  - python=3.11  # why
  - conda-forge::numpy >=1.20  # of numpy
  - 'pandas'
  - pip
  - pip:
      - requests>=2  # c
      - -r more.txt

      - -e ./lib
variables:
  A: "1"
# end
"""


def test_dependencies_of_conda_go_in_and_out() -> None:
    text = ENVIRONMENT
    scipy = text.replace("  - pip\n", "  - scipy>=1\n  - pip\n")
    assert add(text, "scipy>=1", kind="environment") == scipy
    assert remove(scipy, "SciPy", kind="environment") == text
    front = add(text, "bzip2", kind="environment")
    assert front == text.replace("# why\n", "# why\n  - bzip2\n")
    assert remove(front, "bzip2", kind="environment") == text


def test_what_has_no_order_goes_to_the_end_but_before_pip() -> None:
    text = "dependencies:\n  - z\n  - a\n  - pip\n  - pip:\n      - y\n      - b\n"
    assert add(text, "m", kind="environment") == text.replace("- a\n", "- a\n  - m\n")
    assert add(text, "m", kind="environment", root="pip") == text + "      - m\n"
    for kept in ("pip", "python"):
        before = f"dependencies:\n  - {kept}\n  - b\n"
        assert add(before, "a", kind="environment") == before.replace("  - b", "  - a\n  - b")


def test_a_version_for_conda_keeps_channel_quotes_and_comment() -> None:
    text = ENVIRONMENT
    numpy = text.replace("numpy >=1.20 ", "numpy=2 ")
    assert add(text, "numpy=2", kind="environment") == numpy
    assert add(text, "numpy", kind="environment") == text
    other = text.replace("conda-forge::numpy >=1.20", "defaults::numpy >=1.20")
    assert add(text, "defaults::numpy", kind="environment") == other
    assert add(text, "pandas >2", kind="environment") == text.replace("'pandas'", "'pandas >2'")
    assert add(text, "python=3.12", kind="environment") == text.replace("3.11", "3.12")


def test_lines_for_pip_go_in_and_out() -> None:
    text = ENVIRONMENT
    flask = add(text, "flask<3; os_name=='nt'", kind="environment", root="pip")
    assert flask == text.replace("  - pip:\n", '  - pip:\n      - flask<3; os_name == "nt"\n')
    assert remove(flask, "Flask", kind="environment", root="pip") == text
    changed = add(text, "requests[socks]<3", kind="environment", root="pip")
    assert changed == text.replace("requests>=2 ", "requests[socks]<3 ")
    editable = add(text, "-e ./other", kind="environment", root="pip")
    assert editable == text.replace("-e ./lib\n", "-e ./lib\n      - -e ./other\n")
    assert remove(editable, "./other", kind="environment", root="pip") == text
    assert remove_requirements(text, "environment", ["numpy"], "pip") == (text, ())
    assert remove_requirements(text, "environment", ["requests"], "") == (text, ())


@pytest.mark.parametrize(
    ("before", "after", "root"),
    [
        ("dependencies:\n- a\n", "dependencies:\n- a\n- pip:\n  - b\n", "pip"),
        ("dependencies:\n  - a", "dependencies:\n  - a\n  - pip:\n      - b", "pip"),
        ("dependencies:\n\n# c\n", "dependencies:\n  - b\n\n# c\n", ""),
        ("dependencies:  # c\n", "dependencies:  # c\n  - b\n", ""),
        ("dependencies: []\n", "dependencies: [b]\n", ""),
        ("dependencies: [a, c ] # d\n", "dependencies: [a, b, c ] # d\n", ""),
        ("dependencies: [\n  a,\n  c,\n]\n", "dependencies: [\n  a,\n  b,\n  c,\n]\n", ""),
        ("dependencies: [a]\n", "dependencies: [a, {pip: [b]}]\n", "pip"),
        ("dependencies:\n  - pip: [a]\n", "dependencies:\n  - pip: [a, b]\n", "pip"),
        ("dependencies:\n  -   a # c\n", "dependencies:\n  -   a # c\n  -   b\n", ""),
        ('dependencies:\n  - "a"\n', 'dependencies:\n  - "a"\n  - "b"\n', ""),
        ("dependencies:\r\n  - a\r\n", "dependencies:\r\n  - a\r\n  - b\r\n", ""),
        ("---\ndependencies:\n  - c\n...\n", "---\ndependencies:\n  - b\n  - c\n...\n", ""),
        ("dependencies: # é 𝄞\n  - a # é\n", "dependencies: # é 𝄞\n  - a # é\n  - b\n", ""),
    ],
)
def test_lists_in_yaml_keep_the_way_in_which_they_are_written(
    before: str, after: str, root: str
) -> None:
    assert add(before, "b", kind="environment", root=root) == after
    assert remove(after, "b", kind="environment", root=root) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "dependencies:\n  - b\n"),
        ("name: x", "name: x\ndependencies:\n  - b"),
        ("channels:\n- c # d\n# e\n", "channels:\n- c # d\ndependencies:\n- b\n# e\n"),
        ("dependencies: null\n", "dependencies: [b]\n"),
    ],
)
def test_a_list_that_is_missing_in_yaml_is_made(before: str, after: str) -> None:
    assert add(before, "b", kind="environment") == after
    assert yaml.safe_load(remove(after, "b", kind="environment"))["dependencies"] in (None, [])


@pytest.mark.parametrize(
    ("wish", "root", "written"),
    [
        ("yes", "", '  - "yes"\n'),
        ("on", "pip", '      - "on"\n'),
        ("b[version='>=1,<2']", "", "  - b[version='>=1,<2']\n"),
        ("b: c", "pip", None),
        ("b; os_name == 'a: b'", "pip", "      - 'b; os_name == \"a: b\"'\n"),
    ],
)
def test_what_yaml_would_take_for_something_else_is_quoted(
    wish: str, root: str, written: str | None
) -> None:
    if written is None:
        complain(lambda: add(ENVIRONMENT, wish, kind="environment", root=root))
        return
    assert written in add(
        ENVIRONMENT.replace("'pandas'", "pandas"), wish, kind="environment", root=root
    )


@pytest.mark.parametrize(
    ("text", "wish", "root", "said"),
    [
        (ENVIRONMENT, "b; os_name=='nt'", "", "is written for pip"),
        (ENVIRONMENT, "b[extra]", "", "is written for pip"),
        (ENVIRONMENT, "b @ https://host.example/b.zip", "", "is written for pip"),
        (ENVIRONMENT, "!b", "", "is no dependency that conda understands"),
        (ENVIRONMENT, "b==", "pip", "is no requirement"),
        (ENVIRONMENT, "b", "group:dev", "has no group dev"),
        ("dependencies:\n  - a\n  - b\n  - b=1\n", "b=2", "", "lines 3, 4"),
        ("dependencies: a\n", "b", "", "line 1: 'dependencies' is no list"),
        ("- a\n", "b", "", "line 1: it has no keys"),
        ("dependencies:\n  - a\n\t- b\n", "b", "", "line 3, column 1: it cannot be read as YAML"),
        ("x: &x [a]\ndependencies: *x\n", "b", "", "line 2: 'dependencies' is an alias"),
        ("x: &x a\ndependencies: [*x]\n", "b", "", "line 2: 'dependencies' has an alias"),
        ("x: &x\n  dependencies: [a]\n<<: *x\n", "b", "", "line 3: its dependencies are merged"),
        ("dependencies: &x [a]\nother: *x\n", "b", "", "cannot be edited safely"),
        ("{name: x}\n", "b", "", "line 1: this is written in a way"),
        ("dependencies:\n  -\n    a\n", "b", "", "line 3: this is written in a way"),
        ("dependencies:\n  - !!python/name:os.system a\n", "b", "", "has no meaning here"),
        ("a: \x07\n", "b", "", "cannot be read as YAML"),
        ("dependencies:\n  - |\n    a\n  - c\n", "a=1", "", "cannot be edited safely"),
    ],
)
def test_what_cannot_be_done_with_yaml_is_said(text: str, wish: str, root: str, said: str) -> None:
    error = complain(lambda: add(text, wish, kind="environment", root=root))
    assert error.message.startswith("environment.yml")
    assert said in error.message


def make_environment(random_: random.Random) -> str:
    """Write an environment.yml in many ways."""

    def pick(*parts: str) -> str:
        return random_.choice(parts)

    text = pick("", "# head\n", "---\n") + pick("", "name: x\n", "channels: [c]\n")
    names = random_.sample(NAMES, random_.randint(1, 4))
    if random_.random() < 0.6:
        names.sort()
    quote = pick("", "", "'", '"')
    indent = pick("", "  ", "    ")
    gap = pick(" ", "   ")
    if random_.random() < 0.25:
        inner = pick(", ", ",", " ,  ", ",\n  ").join(quote + name + quote for name in names)
        text += f"dependencies: [{pick('', ' ')}{inner}{pick('', ' ', ', ')}]{pick('', ' # c')}\n"
    else:
        text += f"dependencies:{pick('', ' # c')}\n"
        for name in names:
            text += pick("", "", "\n", f"{indent}# c\n", "# flush\n")
            text += f"{indent}-{gap}{quote}{name}{quote}{pick('', '  # of it', ' ')}\n"
        if random_.random() < 0.5:
            inner = indent + " " * (1 + len(gap)) + pick("", "  ")
            text += f"{indent}-{gap}pip:{pick('', ' # p')}\n"
            for name in random_.sample(NAMES, random_.randint(1, 3)):
                text += f"{inner}-{gap}{quote}{name}>=1{quote}{pick('', '  # of it')}\n"
                text += pick("", "", f"{inner}# c\n")
    text += pick("", "", "\n", "# end\n", "variables:\n  A: b\n")
    text = text.replace("\n", pick("\n", "\r\n"))
    return text.rstrip("\r\n") if random_.random() < 0.2 else text


def test_any_environment_gets_back_to_the_byte_what_it_was() -> None:
    for seed in range(300):
        random_ = random.Random(seed)
        before = make_environment(random_)
        root = random_.choice(["", "pip"])
        new = random_.choice(["aaa", "mid-way>=1", "zz.top=1" if not root else "zz.top[x]<2"])
        after = add(before, new, kind="environment", root=root)
        old_data, new_data = yaml.safe_load(before), yaml.safe_load(after)
        items, wanted = new_data["dependencies"], old_data["dependencies"]
        if root:
            sections = [item["pip"] for item in wanted if isinstance(item, dict)]
            items = next(item["pip"] for item in items if isinstance(item, dict))
            wanted = sections[0] if sections else []
        assert [item for item in items if item != new] == wanted
        assert new in items
        name = next(name for name in ("aaa", "mid-way", "zz.top") if new.startswith(name))
        left, removed = remove_requirements(after, "environment", [name], root)
        assert (left, removed) == (before, (new,)), (seed, before, after)

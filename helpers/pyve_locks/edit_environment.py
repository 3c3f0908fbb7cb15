"""environment.yml: dependencies for conda, and lines for pip, in and out.

PyYAML tells where things stand and what they say. Items are written, changed and taken away by
position, so that comments, indentation and quotes of all others stay.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from pyve_files.environment import LIMIT, split_name
from pyve_locks.brackets import insert_item, remove_item
from pyve_locks.edit_common import (
    check_wish,
    choose_place,
    fail,
    find_replaced,
    merge,
    name_of,
    newline_of,
    starts_line,
    write_requirement,
)
from pyve_locks.edit_requirements import Line, is_place, read_line, read_wish, unmark
from pyve_locks.environment_nodes import (
    TEXT,
    DependencyList,
    YamlText,
    empty_list,
    find_brackets,
    find_last_offset,
    find_place_before_pip,
    quote,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyve_locks.environment_nodes import Node

FILE = "environment.yml"
_END = re.compile(r"[ \t]*(?:[ \t]#[^\n]*)?(?:\r?\n|$)")
_KEY_END = re.compile(r"[ \t]*:" + _END.pattern)
_CHANNEL = re.compile(r"[^\s=<>!~\[]*:")


def add(text: str, wishes: Sequence[str], root: str, path: str = FILE) -> str:
    """Add dependencies, or change those of the same name.

    Args:
        text: of the file.
        wishes: conda's match specifications, or lines for pip.
        root: "" for conda, ``pip`` for the ``pip:`` section.
        path: how the user names the file.

    Returns:
        The new text.

    Raises:
        HelperError: E_MANIFEST.
    """
    file = _File(text, path)
    _check_root(root, path)
    for wish in wishes:
        file.add(check_wish(wish, path), root)
    return file.text


def remove(text: str, names: Sequence[str], root: str, path: str = FILE) -> tuple[str, list[str]]:
    """Take out dependencies; with its last line the ``pip:`` section goes, too.

    Args:
        text, root, path: as for `add`.
        names: of packages of conda as they are spelt; those for pip spelt in any way.

    Returns:
        The new text, and what was taken out, as it was written.

    Raises:
        HelperError: E_MANIFEST.
    """
    file = _File(text, path)
    _check_root(root, path)
    removed: list[str] = []
    for name in names:
        removed += file.remove(name.strip(), root)
    return file.text, removed


def _check_root(root: str, path: str) -> None:
    if root not in ("", "pip"):
        kind, _, name = root.partition(":")
        fail(
            path,
            f"an environment.yml has no {kind} {name}",
            "it has dependencies for conda, and a section for pip",
        )


class _File:
    """A file that is edited step by step; after each step it is read again."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        if len(text) > LIMIT:
            fail(path, f"it is larger than {LIMIT // 1024} KiB")
        self._take(text)

    def _take(self, text: str) -> None:
        self.text = text
        self.root = self._compose(text)
        self.data = tell(self.root) if self.root is not None else []

    def _compose(self, text: str) -> Node | None:
        try:
            self.file = YamlText(self.path, text)
            root: Any = self.file.compose()
        except yaml.YAMLError as error:
            fail(self.path, f"it cannot be read as YAML: {error}")
        if root is None:
            return None
        if not isinstance(root, yaml.MappingNode):
            line = root.start_mark.line + 1
            fail(self.path, "it has no keys", "it takes at least: dependencies:", line)
        return root

    # --- where things are

    def _find(self, root: str) -> DependencyList:
        found = DependencyList(None, None, [])
        for key, value in self.root.value if self.root is not None else []:
            if key.value == "dependencies":
                found = self._read_list(key, value)
        if found.key is None:
            self._refuse_merge()
        if not root:
            return found
        for index, item in enumerate(found.items):
            if isinstance(item, yaml.MappingNode):
                for key, value in item.value:
                    if key.value == "pip":
                        section = self._read_list(key, value)
                        section.below = index
                        return section
        return DependencyList(None, None, [])

    def _refuse_merge(self) -> None:
        """Complain when the list is there only by way of ``<<``."""
        if self.root is None or "dependencies" not in self.file.read_mapping(self.root, "it"):
            return
        for key, _ in self.root.value:
            if key.value == "<<":
                line = key.start_mark.line + 1
                fail(self.path, "its dependencies are merged into it by '<<'", (), line)

    def _read_list(self, key: Node, value: Node) -> DependencyList:
        line = key.start_mark.line + 1
        what = f"'{key.value}'"
        if value.start_mark.index < key.start_mark.index:
            fail(self.path, f"{what} is an alias of another list", "edit it by hand", line)
        if YamlText.is_null(value):
            return DependencyList(key, value, [])
        if not isinstance(value, yaml.SequenceNode):
            fail(self.path, f"{what} is no list", "each item has a line of its own:  - name", line)
        for item in value.value:
            if item.start_mark.index < value.start_mark.index:
                fail(self.path, f"{what} has an alias in it", "edit it by hand", line)
        return DependencyList(key, value, list(value.value))

    def _place_data(self, data: Any, root: str, index: int) -> list[Any]:
        """Give the list in a tree of what `tell` gives; made when it is not there."""
        items: list[Any] = []
        for position, (key, value) in enumerate(data):
            if key[1] == "dependencies":
                items = value if isinstance(value, list) else []
                data[position] = (key, items)
                break
        else:
            data.append(((TEXT, "dependencies"), items))
        if not root:
            return items
        for item in items:
            for position, pair in enumerate(item if isinstance(item, list) else []):
                # (What is in a list has no key.)
                is_pair = isinstance(pair, tuple) and isinstance(pair[0], tuple)
                if is_pair and pair[0][1] == "pip":
                    lines = pair[1] if isinstance(pair[1], list) else []
                    item[position] = (pair[0], lines)
                    return lines
        lines = []
        items.insert(index, [((TEXT, "pip"), lines)])
        return lines

    # --- one step

    def add(self, wish: str, root: str) -> None:
        """Add one dependency."""
        found = self._find(root)
        names, index, written = (self._plan_pip if root else self._plan_conda)(found, wish)
        data = copy.deepcopy(self.data)
        if index >= 0:
            if written == found.items[index].value:
                return
            self._place_data(data, root, 0)[index] = (TEXT, written)
            self._accept(self._replace(found.items[index], written, found.is_flow), data)
            return
        name = names.pop()
        index = choose_place(names, name)
        if not root and index == len(names):
            index = find_place_before_pip(found.items)
        if found.node is None and root:
            above = self._find("")
            place = len(above.items)
            self._place_data(data, root, place).append((TEXT, written))
            self._accept(self._insert(above, place, written, section=True), data)
            return
        self._place_data(data, root, 0).insert(index, (TEXT, written))
        self._accept(self._insert(found, index, written), data)

    def remove(self, name: str, root: str) -> list[str]:
        """Take out everything of a name."""
        removed: list[str] = []
        while True:
            found = self._find(root)
            places = [
                place for place, item in enumerate(found.items) if self._has_name(item, name, root)
            ]
            if not places:
                return removed
            index = places[0]
            removed.append(str(found.items[index].value))
            data = copy.deepcopy(self.data)
            above = self._find("")
            if root and len(found.items) == 1 and (above.is_flow or not found.is_flow):
                section = above.items[found.below]
                if len(section.value) > 1:
                    line_number = section.start_mark.line + 1
                    fail(self.path, "the pip section has other keys beside it", (), line_number)
                self._place_data(data, "", 0).pop(found.below)
                found, index = above, found.below
            else:
                self._place_data(data, root, 0).pop(index)
            self._accept(self._cut(found, index), empty_list(data, found.is_flow))

    def _has_name(self, item: Node, name: str, root: str) -> bool:
        if not isinstance(item, yaml.ScalarNode):
            return False
        if not root:
            return (split_name(item.value)[0] or item.value) in (name, name.lower())
        line = read_line(item.value, self.path, 0, strict=False)
        if line is None:
            return False
        if is_place(name):
            return unmark(line.target) == name
        return bool(line.name) and line.name == name_of(name)

    def _accept(self, text: str, data: Any) -> None:
        """Take a new text over when it says what is intended, and nothing else has changed."""
        try:
            root: Any = YamlText(self.path, text).compose()
            same = root is not None and tell(root) == data
        except Exception:  # whatever is wrong with it, it is not what was intended
            same = False
        if not same:
            fail(
                self.path,
                "its dependencies are written in a way that cannot be edited safely",
                "nothing was changed; put each dependency on a line of its own",
            )
        self._take(text)

    def _plan_conda(self, found: DependencyList, wish: str) -> tuple[list[str], int, str]:
        """Say what becomes of a wish.

        Returns:
            The names that are there and behind them the new one, the place of what it replaces
            (-1 for none), and how it is written.
        """
        name, rest = split_name(wish)
        is_url = bool(re.match(r"[a-z]+://", wish))
        if not is_url and re.search(r";|===|^[^=<>]*(@|\[[^=]*\])", wish):
            fail(
                self.path,
                f"'{wish}' is written for pip",
                "conda has no markers, extras or URLs; what only pip understands belongs to 'pip:'",
            )
        if not (name or is_url):
            fail(self.path, f"'{wish}' is no dependency that conda understands")
        name = name or wish
        names, same = [], []
        for index, item in enumerate(found.items):
            spec = item.value if isinstance(item, yaml.ScalarNode) else ""
            other = (split_name(spec)[0] or spec) if spec else ""
            if other == name:
                same.append(index)
            # These two stand where they are, whatever the order of the others.
            names.append("" if other in ("python", "pip") else other)
        if len(same) > 1:
            lines = ", ".join(str(found.items[index].start_mark.line + 1) for index in same)
            fail(
                self.path,
                f"{name} is here more than once (lines {lines}), "
                "and it is not clear which is meant",
                "remove the name first",
            )
        names.append(name)
        if not same:
            return names, -1, wish
        old = str(found.items[same[0]].value)
        channel, old_channel = (_CHANNEL.match(spec) for spec in (wish, old))
        if not rest and not is_url:
            # Nothing but a name: the version that is there stays.
            bare = old[old_channel.end() if old_channel else 0 :]
            wish = (channel.group() if channel else "") + bare
        if not channel and old_channel and not is_url:
            wish = old_channel.group() + wish
        is_equal = re.sub(r"\s", "", wish) == re.sub(r"\s", "", old)
        return names, same[0], old if is_equal else wish

    def _plan_pip(self, found: DependencyList, wish: str) -> tuple[list[str], int, str]:
        """Say what becomes of a wish, as `_plan_conda`."""
        new = read_wish(wish, self.path)
        names: list[str] = []
        same: list[tuple[int, Line]] = []
        for index, item in enumerate(found.items):
            line = None
            if isinstance(item, yaml.ScalarNode):
                line = read_line(item.value, self.path, item.start_mark.line + 1)
            names.append(line.name if line and line.requirement else "")
            if line and (line.name == new.name if new.name else line.target == new.target):
                same.append((index, line))
        names.append(new.name if new.requirement else "")
        written = new.text
        if new.requirement and new.text == new.target:
            written = write_requirement(new.requirement, wish)
        for index, line in same:
            if line.text == new.text:
                return names, index, line.text
        known = [(index, line.requirement) for index, line in same if line.requirement]
        numbers = [found.items[index].start_mark.line + 1 for index, _ in same]
        if new.requirement and len(known) == len(same):
            index = find_replaced(new.requirement, known, self.path, numbers)
            if index < 0:
                return names, -1, written
            old = dict(same)[index]
            merged = merge(dict(known)[index], new.requirement)
            if merged == dict(known)[index] and new.text == new.target:
                return names, index, old.text
            if old.has_hashes and not new.has_hashes:
                fail(
                    self.path,
                    f"{old.name} has hashes, and they fit no other version",
                    "add it with its hashes, or remove it first",
                    found.items[index].start_mark.line + 1,
                )
            text = write_requirement(merged, f"{wish} {old.target}")
            return names, index, text + new.text[len(new.target) :]
        if len(same) > 1:
            fail(
                self.path,
                f"{new.name or new.target} is here more than once "
                f"(lines {', '.join(map(str, numbers))}), and it is not clear which is meant",
                "remove the name first",
            )
        return names, same[0][0] if same else -1, written

    # --- how it is written

    def _replace(self, item: Node, written: str, flow: bool) -> str:
        start, end = item.start_mark.index, item.end_mark.index
        quoted = quote(written, getattr(item, "style", None), flow)
        return self.text[:start] + quoted + self.text[end:]

    def _insert(
        self, found: DependencyList, index: int, written: str, section: bool = False
    ) -> str:
        styles = [item.style for item in found.items if isinstance(item, yaml.ScalarNode)]
        style = styles[0] if len(set(styles)) == 1 else None
        if found.is_flow and found.node is not None:
            quoted = quote(written, style, True)
            item = f"{{pip: [{quoted}]}}" if section else quoted
            return insert_item(self.text, find_brackets(found.node), index, item, one_line=True)
        quoted = quote(written, style, False)
        newline = newline_of(self.text)
        if found.items:
            near = found.items[min(index, len(found.items) - 1)]
            dash = self._find_dash(near)
            line = self.text.rfind("\n", 0, dash) + 1
            indent = self.text[line:dash]
            gap = self.text[dash + 1 : near.start_mark.index]
            offset = self._find_end(found.items[index - 1]) if index else self._find_front(found)
        else:
            if found.node is not None and found.node.start_mark.index < found.node.end_mark.index:
                # `null` or `~` is written there.
                item = f"[{{pip: [{quoted}]}}]" if section else f"[{quoted}]"
                return (
                    self.text[: found.node.start_mark.index]
                    + item
                    + self.text[found.node.end_mark.index :]
                )
            indent, gap = self._find_indent(found), " "
            offset = self._find_front(found)
        if section:
            inner = indent + " " * (1 + len(gap) + self._find_step())
            quoted = f"pip:{newline}{inner}-{gap}{quoted}"
        lines = f"{indent}-{gap}{quoted}"
        if found.key is None:
            lines = f"dependencies:{newline}{lines}"
        before, behind = self.text[:offset], self.text[offset:]
        if before and not before.endswith("\n"):
            return before + newline + lines
        return before + lines + newline + behind

    def _cut(self, found: DependencyList, index: int) -> str:
        assert found.node is not None
        if found.is_flow:
            return remove_item(self.text, find_brackets(found.node), index)
        item = found.items[index]
        start = self.text.rfind("\n", 0, self._find_dash(item)) + 1
        end = self._find_end(item)
        before, behind = self.text[:start], self.text[end:]
        if not behind and not self.text.endswith("\n"):
            before = re.sub(r"\r?\n$", "", before)
        return before + behind

    def _find_dash(self, item: Node) -> int:
        """Give the offset of the dash before an item; it is the first in its line."""
        start = item.start_mark.index
        dash = self.text.rfind("-", 0, start)
        if dash < 0 or self.text[dash + 1 : start].strip(" ") or not starts_line(self.text, dash):
            self._refuse(item)
        return dash

    def _find_end(self, item: Node) -> int:
        """Give the offset behind the last line of an item, with its comment."""
        match = _END.match(self.text, find_last_offset(item))
        if match is None:
            self._refuse(item)
        return match.end()

    def _refuse(self, item: Node) -> NoReturn:
        fail(
            self.path,
            "this is written in a way that cannot be edited safely",
            "nothing was changed; put the dependency on a line of its own:  - name",
            item.start_mark.line + 1,
        )

    def _find_front(self, found: DependencyList) -> int:
        """Give the offset of the line below a key; without one, that below the last one."""
        if found.key is None:
            if self.root is None or not self.root.value:
                return len(self.text)
            flow = isinstance(self.root, yaml.MappingNode) and self.root.flow_style
            if flow or self.root.start_mark.column:
                self._refuse(self.root)
            return self._find_end(self.root)
        match = _KEY_END.match(self.text, found.key.end_mark.index)
        if match is None:
            self._refuse(found.key)
        return match.end()

    def _find_indent(self, found: DependencyList) -> str:
        column = found.key.start_mark.column if found.key is not None else 0
        return " " * (column + self._find_step())

    def _find_step(self) -> int:
        """Give how far the items of other lists are indented below their key."""
        for key, value in self.root.value if self.root is not None else []:
            if isinstance(value, yaml.SequenceNode) and not value.flow_style:
                step = value.start_mark.column - key.start_mark.column
                if step >= 0:
                    return int(step)
        return 2

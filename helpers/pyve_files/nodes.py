"""YAML as a tree of nodes that know their line and column (YAML 1.1, safely)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from pyve_core import HelperError, redact
from pyve_core.fixes import let_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import yaml

    Node = yaml.nodes.Node

# Nodes of one file with its aliases written out; more only where the file itself has more.
MOST_NODES = 100_000
MOST_LEVELS = 100
# Each takes about 700 bytes of memory.
MOST_PARTS = 500_000
_CORE = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(
    _CORE + name
    for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge", "value")
)
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
# What YAML 1.1 (section 5.1) does not take, in any place.
_UNPRINTABLE = re.compile(
    "[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


class YamlFile:
    """A file that is read, and complained about.

    Attributes:
        path: how the user names it.
        code: the code of every complaint about what it says.
        text: what it says.
    """

    def __init__(self, path: str, code: str, limit: int) -> None:
        """Read the file.

        Args:
            path: where it is.
            code: for complaints.
            limit: the largest size, in bytes.

        Raises:
            HelperError: it cannot be read, is too large, or is no text.
        """
        self.path = path
        self.code = code
        self.text = self._decode(self._read(limit))
        match = _UNPRINTABLE.search(self.text)
        if match:
            self._fail_in_text(
                match.start(),
                f"the character U+{ord(match.group()):04X} cannot stand in a YAML file",
            )

    def _read(self, limit: int) -> bytes:
        try:
            with open(self.path, "rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            raise HelperError(
                self.code + "_READ",
                f"cannot read {self.path}",
                [error.strerror or str(error), "it has to be a file that you may read"],
                let_read(self.path),
            ) from error
        if len(data) > limit:
            raise HelperError(
                self.code,
                f"{self.path} is larger than {limit // 1024} KiB",
                "a file of this kind is never that large; it may be another file",
                self.find_fix(),
            )
        return data

    def _decode(self, data: bytes) -> str:
        encoding = "utf-8-sig"
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding = "utf-16"
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8", "replace")
            self.text = before
            self._fail_in_text(len(before), "this is not UTF-8", "YAML files are UTF-8 text")

    def _fail_in_text(self, offset: int, message: str, why: Sequence[str] | str = ()) -> NoReturn:
        before = self.text[:offset]
        line = before.count("\n") + 1
        self.fail_at(line, offset - (before.rfind("\n") + 1) + 1, message, why)

    def fail_at(
        self, line: int, column: int, message: str, why: Sequence[str] | str = ()
    ) -> NoReturn:
        """Complain about a place; lines and columns count from 1."""
        raise HelperError(
            self.code,
            f"{self.path}, line {line}, column {column}: {message}",
            why,
            self.find_fix(),
        )

    def find_fix(self) -> list[str]:
        """Give the command that mends a file that is wrong: none for one that a person writes."""
        return []

    def fail(self, node: Node, message: str, why: Sequence[str] | str = ()) -> NoReturn:
        """Complain about a node."""
        mark = node.start_mark
        self.fail_at(mark.line + 1, mark.column + 1, message, why)

    def compose(self, text: str | None = None) -> Node | None:
        """Give the root of the only document in the file.

        Args:
            text: what to read instead of the whole file; line by line the same.

        Returns:
            The root, checked; ``None`` for a file without any content.
        """
        import yaml

        # libyaml, where PyYAML was built with it: twenty times as fast.
        loader_class: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        text = self.text if text is None else text
        loader = loader_class(text)
        try:
            # First, because what follows goes down level by level, on the stack.
            self._check_depth(yaml.parse(text, Loader=loader_class))
            root: Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            self._fail_syntax(error)
        finally:
            loader.dispose()
        if root is not None:
            self._check(root, {}, set())
        return root

    def _check_depth(self, events: Iterator[yaml.Event]) -> None:
        import yaml

        mark: Any
        depth = 0
        for number, event in enumerate(events):
            if number > 2 * MOST_PARTS:
                mark = event.start_mark
                self.fail_at(mark.line + 1, mark.column + 1, "it has more parts than can be read")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MOST_LEVELS:
                    mark = event.start_mark
                    self.fail_at(mark.line + 1, mark.column + 1, "it is nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _fail_syntax(self, error: yaml.MarkedYAMLError) -> NoReturn:
        match = _CONFLICT.search(self.text)
        if match:
            self._fail_in_text(
                match.start(),
                "it has the marks of a merge conflict in it",
                "git could not merge it by itself",
            )
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it is no YAML"
        begin = error.context_mark
        why = []
        if begin and mark and begin.line != mark.line:
            why.append(f"it belongs to what begins in line {begin.line + 1}")
        if mark is not None and self._begins_with_tab(mark.line):
            why.append("YAML is indented with blanks, never with tabs")
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.fail_at(line, column, f"it cannot be read as YAML: {problem}", why)

    def _begins_with_tab(self, number: int) -> bool:
        lines = self.text.splitlines()
        line = lines[number] if number < len(lines) else ""
        return "\t" in line[: len(line) - len(line.lstrip())]

    def _check(self, node: Node, sizes: dict[int, int], above: set[int]) -> int:
        """Check everything below a node; return how many nodes it is with aliases written out."""
        identity = id(node)
        if identity in above:
            self.fail(node, "this is a part of itself, by an alias")
        if identity in sizes:
            return sizes[identity]
        if node.tag not in _KNOWN_TAGS:
            tag = node.tag.replace(_CORE, "!!")
            self.fail(node, f"the tag {tag} has no meaning here", "values are plain text")
        size = 1
        value = node.value
        if isinstance(value, list):
            above.add(identity)
            if node.tag == _CORE + "map":
                self._check_keys(node)
                children: Iterator[Node] = (part for pair in value for part in pair)
            else:
                children = iter(value)
            for child in children:
                size += self._check(child, sizes, above)
            above.discard(identity)
            if size > max(MOST_NODES, len(self.text)):
                self.fail(node, "it is too large when its aliases are written out")
        sizes[identity] = size
        return size

    def _check_keys(self, node: Node) -> None:
        seen: dict[str, Node] = {}
        for key, _ in node.value:
            if isinstance(key.value, list):
                self.fail(key, "a key has to be plain text")
            if key.tag == _CORE + "merge":
                continue
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                self.fail(
                    key,
                    f"the key '{key.value}' is here twice",
                    f"the first is in line {first}; only one of them could count",
                )
            seen[key.value] = key

    # --- what a node is

    @staticmethod
    def is_null(node: Node) -> bool:
        """Tell whether nothing stands there (or ``null``, or ``~``)."""
        return bool(node.tag == _CORE + "null")

    @staticmethod
    def is_list(node: Node) -> bool:
        """Tell whether a node is a list."""
        return bool(node.tag == _CORE + "seq")

    @staticmethod
    def is_mapping(node: Node) -> bool:
        """Tell whether a node has keys."""
        return bool(node.tag == _CORE + "map")

    def describe(self, node: Node) -> str:
        """Name the kind of a node, for a person."""
        if self.is_null(node):
            return "empty"
        if self.is_list(node):
            return "a list"
        if self.is_mapping(node):
            return "a mapping (it has keys)"
        return f"the text '{redact(str(node.value))}'"

    def read_text(self, node: Node, what: str) -> str:
        """Give a plain text as it was written: 3.10 stays 3.10."""
        if isinstance(node.value, list) or self.is_null(node):
            self.fail(node, f"{what} is {self.describe(node)}; it has to be plain text")
        return str(node.value).strip()

    def read_list(self, node: Node, what: str, example: str = "") -> list[Node]:
        """Give the items of a list; none when nothing stands there."""
        if self.is_null(node):
            return []
        if not self.is_list(node):
            why = f"each item stands on a line of its own:  - {example}" if example else ""
            self.fail(node, f"{what} is {self.describe(node)}; it has to be a list", why)
        return list(node.value)

    def read_mapping(self, node: Node, what: str) -> dict[str, tuple[Node, Node]]:
        """Give the keys of a mapping, each with its node and its value; ``<<`` is applied."""
        if self.is_null(node):
            return {}
        if not self.is_mapping(node):
            self.fail(
                node,
                f"{what} is {self.describe(node)}; it has to be keys with values",
                "key: value",
            )
        merged: dict[str, tuple[Node, Node]] = {}
        own: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.tag == _CORE + "merge":
                sources = value.value if self.is_list(value) else [value]
                for source in sources:
                    for name, pair in self.read_mapping(source, what).items():
                        merged.setdefault(name, pair)
            else:
                own[str(key.value)] = (key, value)
        return {**merged, **own}

"""Lists of dependencies in an environment.yml: where they stand, and how an item is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Union

import yaml

from pyve_files.environment import split_name
from pyve_files.nodes import YamlFile
from pyve_locks.brackets import Brackets
from pyve_locks.edit_common import CODE

Node = Union[yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode]

TEXT = "tag:yaml.org,2002:str"


class YamlText(YamlFile):
    """A text that is read as a file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.code = CODE
        self.text = text


@dataclass
class DependencyList:
    """A list of dependencies.

    Attributes:
        key: the node of its key; None when it has none.
        node: what stands behind the key; None when it has none.
        items: the nodes in it.
        below: the place of the ``pip:`` section among the dependencies; -1 for these themselves.
    """

    key: Node | None
    node: Node | None
    items: list[Node]
    below: int = -1

    @property
    def is_flow(self) -> bool:
        """Whether it stands in brackets."""
        return isinstance(self.node, yaml.SequenceNode) and bool(self.node.flow_style)


def find_brackets(node: Node) -> Brackets:
    spans = tuple((item.start_mark.index, item.end_mark.index) for item in node.value)
    return Brackets(node.start_mark.index, node.end_mark.index, spans)


def find_last_offset(node: Node) -> int:
    """Give the offset behind the last character of a node; marks of blocks lie behind comments."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    if isinstance(last, tuple):
        key, value = last
        empty = value.start_mark.index == value.end_mark.index
        return find_last_offset(key) + 1 if empty else find_last_offset(value)
    return find_last_offset(last)


def find_place_before_pip(items: list[Node]) -> int:
    """Find the place behind all dependencies of conda, but before pip and its section."""
    index = len(items)
    while index and isinstance(items[index - 1], yaml.MappingNode):
        index -= 1
    if 0 < index < len(items) and split_name(str(items[index - 1].value))[0] == "pip":
        index -= 1
    return index


def tell(node: Node) -> Any:
    """Give what a node says: pairs of tag and text, lists of items, lists of pairs."""
    if isinstance(node, yaml.MappingNode):
        return [(tell(key), tell(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [tell(item) for item in node.value]
    return (node.tag, node.value)


def empty_list(data: Any, flow: bool) -> Any:
    """Give what a file says whose list of dependencies has no line left."""
    null = ("tag:yaml.org,2002:null", "")
    return [
        (key, null if key[1] == "dependencies" and value == [] and not flow else value)
        for key, value in data
    ]


def quote(text: str, style: str | None, flow: bool) -> str:
    """Write a text as an item of a list, without quotes where it can be."""
    if style not in ("'", '"'):
        try:
            node: Any = yaml.compose(f"[{text}]" if flow else f"- {text}", Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            node = None
        if node is not None and tell(node) == [(TEXT, text)]:
            return text
        style = "'" if '"' in text or "\\" in text else '"'
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)

"""Finding sources that write into their own folder.

A place that is derived from ``__file__``, ``__path__`` or the resources of a package is followed
through assignments, and through functions that give it back, as far as one source goes; where it
arrives at something that writes, the source writes into its own folder. That is an estimate: what
is found too much costs a copy, and what is missed can be named in ``sync.own``.

Source: the grammar of Python, by the module ``ast``.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["find_writes"]

# Sources that only tests import, or that are executed when a distribution is built.
_ASIDE = re.compile(
    r"(^|/)(tests?|testing|_?examples?|docs?|benchmarks?)/|(^|/)(setup|conftest)\.py$"
    r"|(^|/)test_[^/]*\.py$"
)
# Calls that give a place which is derived from one of their arguments.
_KEEPING = frozenset(
    (
        *("join", "dirname", "abspath", "realpath", "normpath", "expanduser", "expandvars"),
        *("normcase", "Path", "PurePath", "PosixPath", "str", "fspath", "resolve", "absolute"),
        *("joinpath", "with_name", "with_suffix", "with_stem", "files", "resource_filename"),
        *("as_posix", "as_file", "path", "format", "parents", "getsourcefile", "getfile"),
        *("enter_context", "fsdecode", "expanduser"),
    )
)
# Attributes of a place that are a place.
_PLACES = frozenset(
    ("parent", "parents", "__file__", "__path__", "origin", "submodule_search_locations")
)
# What gives the place of a package, from its name.
_SOURCES = frozenset(("resource_filename", "getsourcefile", "getfile"))
_RESOURCES = re.compile(
    r"^(importlib\.resources|importlib_resources|resources)\.(files|path|as_file)$"
)
# Calls that write to their first argument, to their second one, and methods of a place.
_FIRST = frozenset(
    (
        *("os.mkdir", "os.makedirs", "os.remove", "os.unlink", "os.rmdir", "os.truncate"),
        *("sqlite3.connect", "shelve.open", "shutil.rmtree", "logging.FileHandler"),
        *("logging.handlers.RotatingFileHandler", "logging.handlers.TimedRotatingFileHandler"),
        *("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "makedirs", "mkdir"),
        *("FileCache", "FileLock", "filelock.FileLock", "diskcache.Cache"),
    )
)
_SECOND = frozenset(
    (
        *("shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.move"),
        *("os.rename", "os.replace", "os.link", "os.symlink", "copyfile", "copytree", "copy2"),
        *("urlretrieve", "urllib.request.urlretrieve", "pickle.dump", "json.dump"),
    )
)
_METHODS = frozenset(
    ("write_text", "write_bytes", "mkdir", "touch", "unlink", "rmdir", "symlink_to", "hardlink_to")
)
# Called with a mode as their second argument.
_OPENING = frozenset(
    (
        "open",
        "io.open",
        "codecs.open",
        "gzip.open",
        "bz2.open",
        "lzma.open",
        "tarfile.open",
        "ZipFile",
        "zipfile.ZipFile",
        "os.fdopen",
        "tokenize.open",
    )
)
_TEMPORARY = frozenset(
    ("mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory")
)
_LARGEST = 2 << 20
# What has nothing below it that matters.
_LEAVES = frozenset(
    (
        *(str, int, type(None), ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias),
        *(ast.Pass, ast.arguments, ast.And, ast.Or, ast.Add, ast.Not, ast.Eq, ast.NotEq, ast.Is),
        *(ast.IsNot, ast.In, ast.NotIn, ast.Lt, ast.Gt, ast.LtE, ast.GtE, ast.Mod, ast.Sub),
        *(ast.Mult, ast.Div),
    )
)
_NOTED = frozenset(
    (
        *(ast.Call, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.Return),
        *(ast.withitem, ast.Import, ast.ImportFrom),
    )
)
# What is passed on is looked at as often.
_ROUNDS = 3


def find_writes(site: Path, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find sources that write into their own folder.

    Args:
        site: the folder of packages.
        paths: sources below it.

    Yields:
        The path of a source, and what it does in which line.
    """
    for path in sorted(paths):
        if _ASIDE.search(path):
            continue
        data = (site / path).read_bytes()
        if len(data) > _LARGEST:
            continue
        why = judge_source(data)
        if why:
            yield path, why


def judge_source(source: bytes) -> str:
    """Say what a source does that writes into its own folder; "" when it does not.

    One that this Python cannot read is taken to do nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        why = _Source(tree).judge()
        if why and b"__main__" in source:
            why = _Source(tree, _find_main_only(tree)).judge()
        return why
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


class _Source:
    """One source."""

    def __init__(self, tree: ast.Module, aside: Collection[ast.AST] = ()) -> None:
        """Take down what matters of a source, without what is ``aside``."""
        # Names that stand for places: "NAME" of the module, "FUNCTION.NAME", ".ATTRIBUTE".
        self.places: set[str] = set()
        # Functions that give a place.
        self.givers: set[str] = set()
        # How imported things are called here -> their whole names.
        self.imports: dict[str, str] = {}
        self.calls: list[tuple[str, ast.Call]] = []
        self.assigned: list[tuple[str, list[ast.expr], ast.expr]] = []
        self.returned: list[tuple[str, str, ast.expr]] = []
        waiting: list[tuple[ast.AST, str, str]] = [
            (node, "", "") for node in tree.body if node not in aside
        ]
        while waiting:
            node, scope, function = waiting.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                scope, function = f"{scope}{node.name}.", node.name
                for argument, default in _list_defaults(node.args):
                    self.assigned.append((scope, [ast.Name(argument)], default))
            elif type(node) in _NOTED:
                self.note(node, scope, function)
            for name in node._fields:
                value = getattr(node, name)
                if isinstance(value, list):
                    waiting += [(one, scope, function) for one in value if type(one) not in _LEAVES]
                elif type(value) not in _LEAVES:
                    waiting.append((value, scope, function))

    def note(self, node: ast.AST, scope: str, function: str) -> None:
        """Take down a node, with the function that it is in."""
        if isinstance(node, ast.Call):
            self.calls.append((scope, node))
        elif isinstance(node, ast.Assign):
            self.assigned.append((scope, node.targets, node.value))
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            if node.value is not None:
                self.assigned.append((scope, [node.target], node.value))
        elif isinstance(node, ast.Return):
            if node.value is not None:
                self.returned.append((scope, function, node.value))
        elif isinstance(node, ast.withitem):
            if node.optional_vars is not None:
                self.assigned.append((scope, [node.optional_vars], node.context_expr))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self.imports[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                self.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def judge(self) -> str:
        """Say what it does."""
        for _ in range(_ROUNDS):
            before = len(self.places) + len(self.givers)
            for scope, targets, value in self.assigned:
                if self.is_place(value, scope):
                    for target in targets:
                        self.mark(target, scope)
            for scope, function, value in self.returned:
                if self.is_place(value, scope):
                    self.givers.add(function)
            if len(self.places) + len(self.givers) == before:
                break
        for scope, call in self.calls:
            what = self.find_written(call, scope)
            if what:
                return f"line {call.lineno}: {what}"
        return ""

    def mark(self, target: ast.expr, scope: str) -> None:
        """Take down that what is assigned to is a place."""
        if isinstance(target, ast.Name):
            self.places.add(f"{scope}{target.id}")
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            self.places.add(f".{target.attr}")

    def is_place(self, node: ast.expr, scope: str) -> bool:
        """Tell whether an expression is a place in the own folder."""
        if isinstance(node, ast.Name):
            if node.id in ("__file__", "__path__"):
                return True
            # (A function sees its own names, and those of what it is in.)
            while True:
                if f"{scope}{node.id}" in self.places:
                    return True
                if not scope:
                    return False
                scope = scope[:-1].rpartition(".")[0]
                scope += "." if scope else ""
        if isinstance(node, ast.Attribute):
            if node.attr in ("__file__", "__path__"):
                return True
            if isinstance(node.value, ast.Name) and f".{node.attr}" in self.places:
                return True
            return node.attr in _PLACES and self.is_place(node.value, scope)
        if isinstance(node, ast.Subscript):
            return self.is_place(node.value, scope)
        if isinstance(node, ast.BinOp):
            return self.is_place(node.left, scope) or (
                isinstance(node.op, (ast.Add, ast.Mod)) and self.is_place(node.right, scope)
            )
        if isinstance(node, ast.JoinedStr):
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            return bool(values) and self.is_place(values[0], scope)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
            return any(self.is_place(part, scope) for part in parts)
        if isinstance(node, ast.Tuple):
            return any(self.is_place(part, scope) for part in node.elts)
        if isinstance(node, ast.Call):
            return self.gives_place(node, scope)
        return False

    def gives_place(self, call: ast.Call, scope: str) -> bool:
        """Tell whether a call gives a place in the own folder."""
        name = self.name_of(call.func)
        last = name.rpartition(".")[2]
        if last in self.givers and name.count(".") <= 1:
            return True
        if _RESOURCES.match(name) or last in _SOURCES:
            return not call.args or self.is_own(call.args[0]) or self.is_place(call.args[0], scope)
        if last not in _KEEPING:
            return False
        # (What is joined behind a place of somebody else's is in that.)
        first = call.args[:1]
        if isinstance(call.func, ast.Attribute) and self.is_place(call.func.value, scope):
            return True
        return any(self.is_place(one, scope) for one in first)

    def is_own(self, node: ast.expr) -> bool:
        """Tell whether an expression names this package."""
        return (isinstance(node, ast.Name) and node.id in ("__name__", "__package__")) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        )

    def name_of(self, node: ast.expr) -> str:
        """Give what a call calls, in whole names: ``os.path.join``, ``.write_text``."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.name_of(node.value)
            return f"{base}.{node.attr}" if base else f".{node.attr}"
        return ""

    def find_written(self, call: ast.Call, scope: str) -> str:
        """Say what a call writes to in the own folder."""
        name = self.name_of(call.func)
        last = name.rpartition(".")[2]
        args = call.args
        words = {one.arg: one.value for one in call.keywords if one.arg}
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name in _OPENING and args and self.is_place(args[0], scope):
            mode = args[1] if len(args) > 1 else words.get("mode")
            return "opens a file of its own folder for writing" if _is_writing(mode) else ""
        if receiver is not None and self.is_place(receiver, scope):
            if last == "open":
                mode = args[0] if args else words.get("mode")
                return "opens a file of its own folder for writing" if _is_writing(mode) else ""
            if last in _METHODS:
                return f"calls {last} in its own folder"
        if name in _FIRST and args and self.is_place(args[0], scope):
            return f"calls {name} in its own folder"
        if name in _SECOND and len(args) > 1 and self.is_place(args[1], scope):
            return f"calls {name} into its own folder"
        if name == "os.open" and args and self.is_place(args[0], scope):
            text = ast.dump(args[1]) if len(args) > 1 else ""
            return (
                "opens a file of its own folder for writing"
                if "O_CREAT" in text or "O_WR" in text or "O_RDWR" in text
                else ""
            )
        if last in _TEMPORARY and "dir" in words and self.is_place(words["dir"], scope):
            return f"calls {last} in its own folder"
        return ""


def _find_main_only(tree: ast.Module) -> set[ast.AST]:
    """Find what is only executed when the source is run as a program, and not imported."""
    found: set[ast.AST] = {node for node in tree.body if _is_main(node)}
    named = {
        node.name: node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    if not found:
        return found
    users: dict[str, set[ast.AST]] = {name: set() for name in named}
    for node in tree.body:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in users and node is not named[inner.id]:
                users[inner.id].add(node)
    grown = True
    while grown:
        grown = False
        for name, node in named.items():
            if node not in found and users[name] and users[name] <= found:
                found.add(node)
                grown = True
    return found


def _is_main(node: ast.stmt) -> bool:
    """Tell whether it is ``if __name__ == "__main__":``."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


def _is_writing(mode: ast.expr | None) -> bool:
    return (
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and bool(set(mode.value) & set("wax+"))
        and len(mode.value) <= 4
    )


def _list_defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """Give the arguments of a function that have a default."""
    names: Sequence[ast.arg] = [*arguments.posonlyargs, *arguments.args]
    if arguments.defaults:
        for name, value in zip(names[-len(arguments.defaults) :], arguments.defaults):
            yield name.arg, value
    for name, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        if default is not None:
            yield name.arg, default

"""Load the modules that PYVE_LAZY_IMPORTS names when they are first used, not at their import.

Python imports this at its start: a copy of it is in the folder that `pyve run` puts in front of
PYTHONPATH when imports.lazy is set. It acts in the project's environment alone, hands over to the
customisation module that is there, and is no longer seen in sys.path after that.

The work is done by importlib.util.LazyLoader of the standard library. When PYVE_LAZY_REPORT names
a file, a line "STATE MODULE" is added to it for each of the modules at the end: deferred (imported,
and never used), loaded, or absent (not imported).
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec


class LazyFinder:
    """Finds the modules as the other finders do, and has them loaded lazily."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Give the spec of a module that is to be lazy; None for others."""
        if name not in self._names:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None
            if find is not None and finder is not self:
                spec = find(name, path, target)
            if spec is not None:
                break
        else:
            return None
        from importlib.machinery import SourceFileLoader, SourcelessFileLoader

        # What is written in C has no second step that could wait.
        loader = spec.loader
        if isinstance(loader, (SourceFileLoader, SourcelessFileLoader)):
            from importlib.util import LazyLoader

            class Loader(LazyLoader):
                """Also gives what a loader gives to others, such as the code to python -m."""

                def __getattr__(self, wanted: str) -> object:
                    return getattr(loader, wanted)

            spec.loader = Loader(loader)
        return spec


def describe(name: str) -> str:
    """Tell how far a module has come."""
    module = sys.modules.get(name)
    if module is None:
        return "absent"
    return "deferred" if type(module).__name__ == "_LazyModule" else "loaded"


def report(names: list[str], file: str) -> None:
    """Write what has become of the modules."""
    lines = "".join("%s %s\n" % (describe(name), name) for name in names)
    with open(file, "a") as stream:
        stream.write(lines)


def start() -> None:
    """Begin to be lazy, where that is asked for."""
    names = os.environ.get("PYVE_LAZY_IMPORTS", "").split()
    homes = [os.environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYVE_ENV_PATH")]
    here = os.path.realpath(sys.prefix)
    if not names or here not in [os.path.realpath(home) for home in homes if home]:
        return
    sys.meta_path.insert(0, LazyFinder(frozenset(names)))
    file = os.environ.get("PYVE_LAZY_REPORT")
    if file:
        import atexit

        atexit.register(report, names, file)


def hand_over() -> None:
    """Execute the customisation module that would have been imported without this one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != folder]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


hand_over()
start()

# pyve-managed: distutils shim
"""Let ``import distutils`` find the copy that setuptools brings (PEP 632)."""

import os
import sys

os.environ.setdefault("SETUPTOOLS_USE_DISTUTILS", "local")


class _DistutilsFinder:
    """Imports setuptools, which provides distutils, when distutils is first asked for."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "distutils":
            return None
        sys.meta_path.remove(_DistutilsFinder)
        try:
            import importlib.util

            import setuptools  # noqa: F401

            return importlib.util.find_spec("distutils")
        except Exception:
            # An old setuptools fails in other ways, too; then there is no distutils.
            return None


sys.meta_path.append(_DistutilsFinder)

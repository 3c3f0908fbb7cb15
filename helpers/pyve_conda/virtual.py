"""Virtual packages: what the machine brings along (CEP 30).

For another platform than this one they are those that conda-lock assumes, so that a lock is the
same whoever writes it (its file default-virtual-packages.yaml, of version 4).
"""

from __future__ import annotations

import os
from typing import Any

CUDA = "11.4"
GLIBC = "2.28"
LINUX = "5.10"
MACOS = "11.0"


def default_virtual_packages(platform: str) -> dict[str, tuple[str, str]]:
    """Give the version and build of each virtual package that a platform is assumed to have."""
    system, _, machine = platform.partition("-")
    machine = {"64": "x86_64", "32": "x86"}.get(machine, machine)
    packages = {"__archspec": ("1", machine)}
    if system == "win":
        packages["__win"] = ("0", "0")
        packages["__cuda"] = (CUDA, "0")
    elif system in ("linux", "osx"):
        packages["__unix"] = ("0", "0")
    if system == "linux":
        packages.update(__linux=(LINUX, "0"), __glibc=(GLIBC, "0"), __cuda=(CUDA, "0"))
    elif system == "osx":
        packages["__osx"] = (MACOS, "0")
    return packages


def override(packages: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Apply the variables CONDA_OVERRIDE_NAME: a version, or "" for a package that is not there."""
    result = dict(packages)
    for name in ("archspec", "cuda", "glibc", "linux", "osx", "win"):
        value = os.environ.get(f"CONDA_OVERRIDE_{name.upper()}")
        if value is None:
            continue
        result.pop(f"__{name}", None)
        if value:
            result[f"__{name}"] = ("1", value) if name == "archspec" else (value, "0")
    return result


def make_generic(packages: dict[str, tuple[str, str]]) -> list[Any]:
    """Give virtual packages in py-rattler's form."""
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version

    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, (version, build) in sorted(packages.items())
    ]


def virtual_packages(platform: str, is_for_lock: bool = False) -> list[Any]:
    """Give the virtual packages that a solution may rely on.

    Args:
        platform: conda's name of it.
        is_for_lock: whether other machines of this platform have to agree.

    Returns:
        py-rattler's virtual packages: those of this machine when it is of that platform.
    """
    from rattler import Subdir, VirtualPackage, VirtualPackageOverrides

    if is_for_lock or str(Subdir.current()) != platform:
        return make_generic(override(default_virtual_packages(platform)))
    return list(VirtualPackage.detect(VirtualPackageOverrides.from_env()))

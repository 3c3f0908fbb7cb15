"""A channel that has what examples/data-science asks for: NumPy, packed from .dev.

In pytest: ``from example_channel import example_channel``, beside ``conda_channel``, of which it is
a copy with more in it.
"""

from __future__ import annotations

import fcntl
import json
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest
from conda_archive import Entry, Package, add_package, write_index
from conda_channel import OTHER_PLATFORMS, SERIES, CondaChannel, copy_channel

# What nobody imports who does not test or build NumPy itself.
LEFT_OUT = {"tests", "f2py", "distutils", "__pycache__", "include", "_pyinstaller"}


def numpy_package(platform: str) -> Package:
    """Return NumPy as it is installed in .dev, for its interpreter."""
    source = Path(sysconfig.get_path("purelib"))
    files = {}
    for pattern in ("numpy/**/*", "numpy.libs/*", "numpy-*.dist-info/**/*"):
        for path in source.glob(pattern):
            name = path.relative_to(source)
            if path.is_file() and not LEFT_OUT & set(name.parts):
                files[f"lib/{SERIES}/site-packages/{name.as_posix()}"] = Entry(path)
    python = "python %d.%d.*" % sys.version_info[:2]
    return Package("numpy", version("numpy"), files, (python,), subdir=platform)


def add_numpy(channel: CondaChannel) -> None:
    """Put NumPy into a channel; its index is written anew."""
    folder = Path(channel.folder, "main")
    records = [add_package(folder, numpy_package(channel.platform))]
    for other in set(OTHER_PLATFORMS) - {channel.platform}:
        # For locks; nobody installs it here.
        stub = Package("numpy", version("numpy"), {}, ("python",), subdir=other)
        records.append(add_package(folder, stub))
    for path in folder.glob("*/repodata.json"):
        index = json.loads(path.read_text(encoding="utf-8"))
        for kind in ("packages", "packages.conda"):
            records += [{"fn": name, **record} for name, record in index[kind].items()]
    subdirs = tuple(sorted({"noarch", channel.platform, *OTHER_PLATFORMS}))
    write_index(folder, records, subdirs)


@pytest.fixture(scope="session")
def example_channel(
    conda_channel: CondaChannel, tmp_path_factory: pytest.TempPathFactory, toolchain: Path
) -> CondaChannel:
    """The channel, made once for all workers of a test run; nobody changes it.

    The toolchain is there then, too: what installs from a channel needs it.
    """
    folder = tmp_path_factory.getbasetemp()
    if folder.name.startswith("popen-"):
        folder = folder.parent
    place, making = folder / "channel of the example", folder / "channel in the making"
    with open(folder / "channel of the example.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            add_numpy(copy_channel(conda_channel, making))
            # Where CONDA_CHANNEL_ALIAS leads to the folder, this is what the name means.
            (making / "conda-forge").symlink_to("main")
            making.rename(place)
    return CondaChannel(place, conda_channel.platform)

"""A channel of real conda packages, made at test time from what is on this machine.

In pytest, ask for the fixture ``conda_channel`` (write ``from conda_channel import
conda_channel``). In bats: ``python tests/helpers/conda_channel.py FOLDER`` makes it once and prints
its URL; any number of processes may ask for the same folder at the same time. The packages, in
``FOLDER/main``:

    python N.N.N     the interpreter that runs this, smaller; for other platforms a stub
    pip              noarch, from .dev/wheelhouse
    greeter          noarch Python package, 1.0 .. 2.0, entry point ``greet``; 1.0 is a .tar.bz2
    greeter-extras   noarch Python package, needs greeter
    libwater         1.0, 1.1 (.tar.bz2), its prefix in a text and in a binary file
    kettle           needs libwater; activate.d and deactivate.d scripts that fail under ``set -u``
    teapot           needs libwater <1.1: conflicts with ``libwater >=1.1``
    samovar          needs libwater >=9, which nobody has
    with-script      has a post-link script, which writes a file
    needs-glibc      needs a virtual package of Linux
    only-osx         there for osx-arm64 alone
    tampered         its archive is not what the index says (sha256 and md5)
    torn             its archive breaks off
    vanished         its archive is not there

``FOLDER/extra`` has greeter 3.0 and sugar, for tests of channel order. Nothing in a channel is to
be changed by a test; ``copy_channel`` makes one that may be.
"""

from __future__ import annotations

import fcntl
import functools
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conda_archive import PLACEHOLDER, Entry, Package, add_package, pack, write_index
from memory_folder import link_file

TREE = Path(__file__).resolve().parents[2]
WHEELHOUSE = TREE / ".dev" / "wheelhouse"
PYTHON = "%d.%d.%d" % sys.version_info[:3]
SERIES = "python%d.%d" % sys.version_info[:2]

# What an environment for tests does without, of the standard library.
LEFT_OUT = frozenset(
    [
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "turtledemo",
        "turtle.py",
        "lib2to3",
        "pydoc_data",
        "__pycache__",
        "site-packages",
        "dist-packages",
        "EXTERNALLY-MANAGED",
        "antigravity.py",
        "this.py",
    ]
)

# What Pyve and its tests start in environments again and again. The arguments are a wheel of pip
# and the folder of the helpers; the files of all modules are printed.
STARTED = """
import runpy, sys
sys.stdout, out = sys.stderr, sys.stdout
sys.path[:0] = sys.argv[1:]
sys.argv[1:] = ["--version"]
try:
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
except SystemExit:
    pass
import inspect_environment, pip._vendor.packaging.requirements
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "", file=out)
"""

OTHER_PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")


@dataclass(frozen=True)
class CondaChannel:
    """Where the channels are, and what is in them.

    Attributes:
        folder: holds the folders of the channels; there is a blank in its path.
        main: the channel with nearly everything, as a URL.
        extra: the second one.
        platform: the conda platform of this machine.
        python: the version of the package ``python``.
    """

    folder: Path
    platform: str
    python: str = PYTHON

    @property
    def main(self) -> str:
        """URL of the first channel."""
        return (self.folder / "main").as_uri()

    @property
    def extra(self) -> str:
        """URL of the second channel."""
        return (self.folder / "extra").as_uri()


def conda_platform() -> str:
    """Return conda's name of this machine's platform."""
    machine = os.uname().machine.lower()
    if sys.platform == "darwin":
        return "osx-arm64" if machine == "arm64" else "osx-64"
    return "linux-" + {"x86_64": "64", "amd64": "64", "arm64": "aarch64"}.get(machine, machine)


def newest_pip() -> Path:
    """Return the newest wheel of pip that fits this interpreter."""
    for wheel in sorted(WHEELHOUSE.glob("pip-*.whl"), reverse=True):
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = archive.read(name).decode()
        if "Requires-Python: >=3.10" not in metadata or sys.version_info >= (3, 10):
            return wheel
    raise SystemExit(f"no wheel of pip that fits Python {PYTHON} in {WHEELHOUSE}")


@functools.lru_cache
def started_files() -> frozenset[str]:
    """Return the paths of all modules that are imported again and again."""
    words = [sys.executable, "-I", "-B", "-c", STARTED, newest_pip(), TREE / "helpers"]
    said = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout
    return frozenset(os.path.realpath(line) for line in said.splitlines())


def with_bytecode(files: dict[str, Entry], sources: dict[str, Path]) -> dict[str, Entry]:
    """Add the bytecode of what is imported again and again, as installers of packages make it.

    Args:
        files: of a package.
        sources: where the interpreter that runs this finds those that it may import.
    """
    found = dict(files)
    with tempfile.TemporaryDirectory() as folder:
        for name, path in sources.items():
            if str(path) not in started_files():
                continue
            source, made = Path(folder, "source.py"), Path(folder, "made.pyc")
            source.write_bytes(files[name].read())
            py_compile.compile(
                str(source),
                str(made),
                dfile=name,
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
            parent, _, module = name.rpartition("/")
            cached = f"{parent}/__pycache__/{module[:-3]}.{sys.implementation.cache_tag}.pyc"
            found[cached] = Entry(made.read_bytes())
    return found


def standard_library() -> dict[str, Entry]:
    """Return the files of the standard library, by their paths in the prefix."""
    source = Path(os.path.dirname(os.path.realpath(os.__file__)))
    files = {}
    sources = {}
    old_prefix = sysconfig.get_config_var("prefix") or sys.base_prefix
    for folder, folders, names in os.walk(source):
        folders[:] = [n for n in folders if n not in LEFT_OUT and not n.startswith("config-")]
        for name in names:
            if name in LEFT_OUT or name.startswith(
                ("_test", "_ctypes_test", "_xxtest", "_tkinter")
            ):
                continue
            path = Path(folder, name)
            target = f"lib/{SERIES}/{path.relative_to(source).as_posix()}"
            files[target] = Entry(path)
            if name.endswith(".py"):
                sources[target] = path
            if name.startswith("_sysconfigdata"):
                text = path.read_text(encoding="utf-8").replace(str(old_prefix), PLACEHOLDER)
                files[target] = Entry(text, mode="text")
    if "dist-packages" in (source / "site.py").read_text(encoding="utf-8"):
        use_site_packages(source, files)
    packages = f"lib/{SERIES}/site-packages"
    files[f"{packages}/README.txt"] = Entry("Packages are installed here.\n")
    return with_bytecode(files, sources)


def use_site_packages(source: Path, files: dict[str, Entry]) -> None:
    """Take back what Debian changes in its interpreter: packages in folders of other names.

    Its ``site`` is frozen into the program, and looks into ``lib/python3/dist-packages``.
    """
    for name in ("sysconfig.py", "sysconfig/__init__.py"):
        path = source / name
        if path.exists():
            text = path.read_text(encoding="utf-8")
            text = text.replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
            files[f"lib/{SERIES}/{name}"] = Entry(text)
    add = f"import sys, site; site.addsitedir(sys.prefix + '/lib/{SERIES}/site-packages')\n"
    files["lib/python3/dist-packages/site-packages.pth"] = Entry(add)
    files.pop(f"lib/{SERIES}/sitecustomize.py", None)


def interpreter() -> dict[str, Entry]:
    """Return the interpreter's program and its shared library, which find each other anywhere."""
    program = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    prefix = program.parent.parent
    library = f"{prefix}/lib\0".encode()
    here = b"$ORIGIN/../lib".ljust(len(library), b"\0")

    def relocate(path: Path) -> Entry:
        data = path.read_bytes()
        if len(here) == len(library):
            data = data.replace(library, here)
        return Entry(data, executable=True)

    files = {
        f"bin/{SERIES}": relocate(program),
        "bin/python3": Entry(link=SERIES),
        "bin/python": Entry(link=SERIES),
    }
    shared = sysconfig.get_config_var("LDLIBRARY") or ""
    for path in sorted(prefix.glob("lib/libpython*")):
        if shared and path.name.startswith(shared) and path.suffix != ".a":
            name = f"lib/{path.name}"
            files[name] = Entry(link=os.readlink(path)) if path.is_symlink() else relocate(path)
    return files


def python_packages(platform: str) -> list[Package]:
    """Return ``python`` for this machine, and stubs of it for other platforms."""
    packages = [Package("python", PYTHON, {**interpreter(), **standard_library()}, subdir=platform)]
    stub = {"bin/python": Entry("#!/bin/sh\nexit 1\n", executable=True)}
    return packages + [
        Package("python", PYTHON, stub, subdir=other)
        for other in OTHER_PLATFORMS
        if other != platform
    ]


def pip_package() -> Package:
    """Return ``pip``, from the newest wheel that fits this interpreter."""
    wheel = newest_pip()
    files = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                files[f"site-packages/{member.filename}"] = Entry(archive.read(member))
    folder = next(name.split("/")[1] for name in files if name.endswith(".dist-info/METADATA"))
    files[f"site-packages/{folder}/INSTALLER"] = Entry("conda\n")
    sources = {
        n: Path(os.path.realpath(wheel), n.partition("/")[2]) for n in files if n[-3:] == ".py"
    }
    commands = ("pip = pip._internal.cli.main:main", "pip3 = pip._internal.cli.main:main")
    version = wheel.name.split("-")[1]
    return Package(
        "pip", version, with_bytecode(files, sources), ("python >=3.9",), entry_points=commands
    )


def python_package(
    name: str, version: str, code: str, depends: tuple[str, ...] = (), **more: Any
) -> Package:
    """Return a noarch Python package of one module, with its metadata (PEP 376)."""
    module = name.replace("-", "_")
    info = f"site-packages/{module}-{version}.dist-info"
    command = more.pop("command", "")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    record = (
        f"{module}.py,,\n{info[14:]}/METADATA,,\n{info[14:]}/INSTALLER,,\n{info[14:]}/RECORD,,\n"
    )
    files = {
        f"site-packages/{module}.py": Entry(code),
        f"{info}/METADATA": Entry(metadata),
        f"{info}/INSTALLER": Entry("conda\n"),
        f"{info}/RECORD": Entry(record),
    }
    entry_points = (f"{command} = {module}:main",) if command else ()
    depends = ("python >=3.8", *depends)
    return Package(name, version, files, depends, entry_points=entry_points, **more)


def greeter(version: str, **more: Any) -> Package:
    """Return a version of ``greeter``, whose command ``greet`` says which one it is."""
    code = (
        "import sys\n\n\ndef main():\n"
        f"    print('Hello from greeter {version}', *sys.argv[1:])\n    return len(sys.argv) - 1\n"
    )
    return python_package("greeter", version, code, command="greet", **more)


def water_packages(platform: str) -> list[Package]:
    """Return libwater and what needs it."""
    padded = b"\x7fBIN" + PLACEHOLDER.encode() + b"/lib\0" + b"\0" * 4 + b"END"
    packages = [
        Package(
            "libwater",
            version,
            {
                "etc/water/place of water.conf": Entry(f"prefix={PLACEHOLDER}\n", mode="text"),
                "lib/libwater.bin": Entry(padded, mode="binary"),
                f"lib/libwater.so.{version}": Entry(b"\x7fWATER"),
                "lib/libwater.so": Entry(link=f"libwater.so.{version}"),
            },
            subdir=platform,
            suffix=".tar.bz2",
        )
        for version in ("1.0", "1.1")
    ]
    activate = (
        '# Not clean under "set -u", as many are not.\n'
        'export KETTLE_OLD="$KETTLE_TEMPERATURE"\n'
        'export KETTLE_HOME="$CONDA_PREFIX/share/kettle"\n'
        "export KETTLE_TEMPERATURE=100\n"
    )
    deactivate = (
        'if [ -n "$KETTLE_OLD" ]; then export KETTLE_TEMPERATURE="$KETTLE_OLD"; '
        "else unset KETTLE_TEMPERATURE; fi\nunset KETTLE_HOME KETTLE_OLD\n"
    )
    script = f'#!/bin/sh\n. "{PLACEHOLDER}/share/kettle/sound"\nprintf "%s\\n" "$SOUND"\n'
    files = {
        "etc/conda/activate.d/kettle.sh": Entry(activate),
        "etc/conda/deactivate.d/kettle.sh": Entry(deactivate),
        "bin/kettle": Entry(script, executable=True, mode="text"),
        "share/kettle/sound": Entry("SOUND=whistle\n"),
    }
    return [
        *packages,
        Package("kettle", "2.0", files, ("libwater >=1.0",), subdir=platform),
        Package("teapot", "1.0", {}, ("libwater <1.1",), subdir=platform),
        Package("samovar", "1.0", {}, ("libwater >=9",), subdir=platform),
    ]


def odd_packages(platform: str) -> list[Package]:
    """Return packages that are right, and of which each has something of its own."""
    script = '#!/bin/sh\nprintf linked > "$PREFIX/share/post-link-has-run"\n'
    files = {
        "bin/.with-script-post-link.sh": Entry(script, executable=True),
        "share/with-script": Entry("x"),
    }
    return [
        Package("with-script", "1.0", files, subdir=platform),
        Package("needs-glibc", "1.0", {}, ("__glibc >=2.17",)),
        Package("only-osx", "1.0", {"share/only-osx": Entry("x")}, subdir="osx-arm64"),
    ]


def main_records(channel: Path, platform: str) -> list[dict[str, Any]]:
    """Write the packages of the first channel, and return what its index says of them."""
    packages = [
        *python_packages(platform),
        pip_package(),
        greeter("1.0", suffix=".tar.bz2"),
        greeter("1.1"),
        greeter("2.0"),
        python_package("greeter-extras", "0.5", "import greeter\n", ("greeter >=1.1",)),
    ]
    for other in {platform, *OTHER_PLATFORMS} - {"win-64"}:
        packages += water_packages(other)
    records = [add_package(channel, package) for package in [*packages, *odd_packages(platform)]]
    tampered = Package("tampered", "1.0", {"share/tampered": Entry("x")})
    records.append(add_package(channel, tampered, sha256="0" * 64, md5="0" * 32))
    torn = Package("torn", "1.0", {"share/torn": Entry(b"x" * 5000)}, suffix=".tar.bz2")
    whole = pack(torn)
    records.append(add_package(channel, torn, data=whole[: len(whole) // 2]))
    vanished = Package("vanished", "1.0", {"share/vanished": Entry("x")})
    records.append(add_package(channel, vanished))
    (channel / "noarch" / records[-1]["fn"]).unlink()
    return records


def build_channels(folder: Path) -> CondaChannel:
    """Make the channels below a folder, unless they are there.

    Args:
        folder: where; it may be asked for by several processes at once.

    Returns:
        Where they are.
    """
    platform = conda_platform()
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "channels of conda"
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            making = folder / ".unfinished"
            shutil.rmtree(making, ignore_errors=True)
            subdirs = tuple(sorted({"noarch", platform, *OTHER_PLATFORMS}))
            main, extra = making / "main", making / "extra"
            write_index(main, main_records(main, platform), subdirs)
            packages = [greeter("3.0"), Package("sugar", "1.0", {"share/sugar": Entry("sweet")})]
            write_index(extra, [add_package(extra, package) for package in packages], subdirs)
            making.rename(done)
    return CondaChannel(done, platform)


def copy_channel(channel: CondaChannel, folder: Path) -> CondaChannel:
    """Make a copy that a test may change: hard links, but for the index."""

    def link(source: str, target: str) -> str:
        if source.endswith(".json"):
            return str(shutil.copy2(source, target))
        return link_file(source, target)

    shutil.copytree(channel.folder, folder, copy_function=link)
    return CondaChannel(folder, channel.platform)


if "pytest" in sys.modules:
    import pytest

    @pytest.fixture(scope="session")
    def conda_channel(tmp_path_factory: pytest.TempPathFactory) -> CondaChannel:
        """The channels, made once for all workers of a test run; nobody changes them."""
        folder = tmp_path_factory.getbasetemp()
        if folder.name.startswith("popen-"):
            folder = folder.parent
        return build_channels(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: conda_channel.py FOLDER")
    print(build_channels(Path(sys.argv[1]).resolve()).main)

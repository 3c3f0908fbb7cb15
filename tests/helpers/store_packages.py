"""Distributions with all that an environment from the store has to do as a plain one does."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from distributions import Distribution, make_wheel

# What the probe prints has to be the same in a plain environment, but for the places named in it.
PROBE = """
import importlib, importlib.metadata as metadata, importlib.resources as resources
import json, os, subprocess, sys

def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr]

def place(path):
    return os.path.exists(os.path.join(sys.prefix, path))

bin_folder = os.path.join(sys.prefix, "bin")
names = ("everything", "acme-one", "acme-two", "speedy", "shelf", "starter")
import acme, everything, shelf
answer = {
    "versions": {name: metadata.version(name) for name in names},
    "files": {
        name: all(
            file.locate().exists() for file in metadata.files(name) if file.parts[0] != ".."
        )
        for name in names
    },
    "requires": metadata.requires("everything"),
    "entry points": sorted(e.name for e in metadata.entry_points(group="acme.plugins")),
    "loaded": sorted(e.load()() for e in metadata.entry_points(group="acme.plugins")),
    "data": resources.files("everything").joinpath("data/words.txt").read_text(),
    "module": run(sys.executable, "-m", "everything", "a b"),
    "script": run(os.path.join(bin_folder, "everything"), "c d"),
    "python script": run(os.path.join(bin_folder, "every-script"), "e"),
    "shell script": run(os.path.join(bin_folder, "every-shell"), "f"),
    "namespace": sorted(
        importlib.import_module(f"acme.{name}").NAME for name in ("one", "two")
    ),
    "parts": len(list(acme.__path__)),
    "man": place("share/man/man1/everything.1"),
    "settings": open(os.path.join(sys.prefix, "etc/everything.conf")).read(),
    "extension": importlib.import_module("speedy.EXTENSION").__name__,
    "wrote": shelf.remember("x"),
    "started": os.environ.get("STARTER", ""),
    "bin": sorted(n for n in os.listdir(bin_folder) if not n.startswith(("python", "activate"))),
    "programs": sorted(
        n for n in os.listdir(bin_folder) if os.access(os.path.join(bin_folder, n), os.X_OK)
    ),
}
print(json.dumps(answer, indent=1, sort_keys=True))
"""


def find_extension() -> Path:
    """Give a compiled module of the standard library that stands alone."""
    folder = Path(str(sysconfig.get_config_var("DESTSHARED")))
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    for name in ("_heapq", "_bisect", "_json", "_struct", "_csv"):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise AssertionError("no compiled module of the standard library is a file of its own")


def make_everything() -> tuple[list[Distribution], str]:
    """Make the distributions; and the probe for them."""
    extension = find_extension()
    name = extension.name.split(".")[0]
    tag = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    data = "everything-1.0.data"
    everything = make_wheel(
        "everything",
        "1.0",
        ["acme-one>=1"],
        commands={"everything": "everything.__main__:main"},
        files={
            "everything/__main__.py": (
                "import sys\n\ndef main():\n    print('everything', sys.argv[1:])\n    return 3\n\n"
                "if __name__ == '__main__':\n    sys.exit(main())\n"
            ),
            "everything/data/words.txt": "one two\n",
            "everything/py.typed": "",
            f"{data}/scripts/every-script": "#!python\nimport sys\nprint('script', sys.argv[1:])\n",
            f"{data}/scripts/every-shell": '#!/bin/sh\necho "shell $1"\n',
            f"{data}/data/share/man/man1/everything.1": ".TH EVERYTHING 1\n",
            f"{data}/data/etc/everything.conf": "colour = red\n",
            f"{data}/headers/everything.h": "#define EVERYTHING 1\n",
        },
    )
    plugin = {
        "acme_{0}-1.0.dist-info/entry_points.txt": "[acme.plugins]\n{0} = acme.{0}:plug\n",
        "acme/{0}.py": "NAME = '{0}'\n\ndef plug():\n    return 'plugged {0}'\n",
    }
    wheels = [everything]
    for part in ("one", "two"):
        files = {path.format(part): text.format(part) for path, text in plugin.items()}
        wheels.append(make_wheel(f"acme-{part}", "1.0", files=files))
    wheels += [
        make_wheel(
            "speedy", "1.0", tag=tag, files={f"speedy/{extension.name}": extension.read_bytes()}
        ),
        # (It writes where it is installed.)
        make_wheel(
            "shelf",
            "1.0",
            files={
                "shelf/__init__.py": (
                    "import os\n\nHERE = os.path.dirname(os.path.abspath(__file__))\n\n\n"
                    "def remember(text):\n"
                    "    with open(os.path.join(HERE, 'kept.txt'), 'w') as stream:\n"
                    "        stream.write(text)\n"
                    "    with open(os.path.join(HERE, 'kept.txt')) as stream:\n"
                    "        return stream.read()\n"
                )
            },
        ),
        # (Its start-up code has to be allowed.)
        make_wheel(
            "starter",
            "1.0",
            files={"starter.pth": "import os; os.environ['STARTER'] = 'was here'\n"},
        ),
    ]
    return wheels, PROBE.replace("EXTENSION", name)

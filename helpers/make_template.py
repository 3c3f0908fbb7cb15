"""Make the template of an empty environment with pip, which Pyve clones for every project.

Usage: make_template.py TARGET PLACE WHEEL...

Run by the interpreter that the template is for. Makes TARGET/tree (a PEP 405 environment that may
be copied or hard-linked to any place), TARGET/pip (pip itself, which the tree reaches by one .pth
line, because a thousand files more would make each clone ten times slower) and TARGET/text (the
files that name their place: activate scripts, console scripts, pyvenv.cfg; the place is written as
a mark that lib/venv_env.sh replaces). PLACE is where TARGET will be once it is whole. The first
WHEEL of pip that fits this interpreter is installed.

Exit status 0: done; 3: no pip wheel fits (TARGET is made, without pip); 1: failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile

# What stands where a whole word of the shell (quoted as it needs) is to be put: one character,
# because that is what bash splits at quickly.
DIRECTORY_MARK = "\x1e"
PROMPT_MARK = "\x1f"
# What the standard library writes there first: words that no shell quotes.
DIRECTORY = "/pyve-template-directory"
PROMPT = "pyve-template-prompt"


def mark_words(text: str, word: str, mark: str) -> str:
    """Replace ``word`` in a shell script by ``mark``, as an unquoted word of its own.

    Args:
        text: an activate script; any shell whose quotes are ``'`` and ``"``.
        word: what to look for; it has no quote and no backslash in it.
        mark: what to put there.

    Returns:
        The script, with open quotes closed before each mark and opened again behind it.
    """
    lines = []
    for line in text.split("\n"):
        out, quote, i = "", "", 0
        while i < len(line):
            if line.startswith(word, i):
                out += quote + mark + quote
                i += len(word)
                continue
            char = line[i]
            if char == "\\" and quote != "'":
                out += line[i : i + 2]
                i += 2
                continue
            if char in "'\"":
                if not quote:
                    quote = char
                elif quote == char:
                    quote = ""
            out += char
            i += 1
        lines.append(out)
    # A mark that was a quoted word has empty quotes around it now.
    return "\n".join(lines).replace('""' + mark + '""', mark).replace("''" + mark + "''", mark)


def strip_script_head(text: str) -> str:
    """Take away the lines by which a console script finds its interpreter.

    Args:
        text: a script as pip writes it: one ``#!`` line, or ``#!/bin/sh`` and an ``exec``
            that Python reads as a string.

    Returns:
        The Python code below them.
    """
    lines = text.split("\n")
    head = 3 if len(lines) > 2 and lines[1].startswith("'''exec'") else 1
    return "\n".join(lines[head:])


def wheel_fits(wheel: str) -> bool:
    """Tell whether a pip wheel admits this interpreter, by its Requires-Python."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = archive.read(name).decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile, StopIteration):
        return False
    found = re.search(r"^Requires-Python:\s*>=\s*(\d+)\.(\d+)", metadata, re.MULTILINE)
    return found is None or sys.version_info[:2] >= (int(found.group(1)), int(found.group(2)))


def make_tree(tree: str) -> None:
    """Make the environment without pip, and with every usual name of the interpreter."""
    import types
    import venv

    class Builder(venv.EnvBuilder):
        """Writes the activate scripts for DIRECTORY instead of the folder that they are in."""

        def setup_scripts(self, context: types.SimpleNamespace) -> None:
            folder, context.env_dir = context.env_dir, DIRECTORY
            super().setup_scripts(context)
            context.env_dir = folder

    Builder(symlinks=True, with_pip=False, prompt=PROMPT).create(tree)
    bin_folder = os.path.join(tree, "bin")
    for name in ("python", "python3", "python%d.%d" % sys.version_info[:2]):
        link = os.path.join(bin_folder, name)
        if not os.path.lexists(link):
            os.symlink("python" if name != "python" else "python3", link)


def install_pip(tree: str, wheels: list[str]) -> bool:
    """Install the first wheel that fits, by the pip inside it.

    Returns:
        False when none fits.

    Raises:
        subprocess.CalledProcessError: when pip fails.
    """
    for wheel in wheels:
        if wheel_fits(wheel):
            python = os.path.join(tree, "bin", "python")
            if "[" in wheel:
                # pip would take that for the beginning of extras.
                link = os.path.join(os.path.dirname(tree), os.path.basename(wheel))
                os.symlink(wheel, link)
                wheel = link
            environment = {
                k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))
            }
            environment.update(PIP_CONFIG_FILE=os.devnull)
            options = "--quiet --no-index --no-deps --no-cache-dir --no-compile"
            subprocess.run(
                [
                    *(python, "-I", os.path.join(wheel, "pip"), "install"),
                    *(*options.split(), "--disable-pip-version-check"),
                    *("--root-user-action=ignore", wheel),
                ],
                check=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
            )
            return True
    return False


def move_texts(tree: str, text: str) -> None:
    """Move every file of ``tree`` that names its place to ``text``, with marks in it."""
    bin_folder, text_bin = os.path.join(tree, "bin"), os.path.join(text, "bin")
    os.makedirs(text_bin)
    os.makedirs(os.path.join(text, "script"))
    for name in sorted(os.listdir(bin_folder)):
        source = os.path.join(bin_folder, name)
        if os.path.islink(source):
            continue
        with open(source, encoding="utf-8", newline="") as stream:
            content = stream.read()
        if name.lower().startswith("activate"):
            marked = mark_words(content, DIRECTORY, DIRECTORY_MARK)
            marked = mark_words(marked, PROMPT, PROMPT_MARK)
            if marked == content:
                continue
            content = marked
            target = os.path.join(text_bin, name)
        else:
            content = strip_script_head(content)
            target = os.path.join(text, "script", name)
        with open(target, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
        os.unlink(source)
    settings = os.path.join(tree, "pyvenv.cfg")
    with open(settings, encoding="utf-8") as stream:
        lines = [line for line in stream if not re.match(r"(command|prompt)\s*=", line)]
    os.unlink(settings)
    with open(os.path.join(text, "pyvenv.cfg"), "w", encoding="utf-8") as stream:
        stream.writelines([*lines, "prompt = %s\n" % PROMPT_MARK])


def share_pip(tree: str, shared: str, place: str) -> None:
    """Move what is installed in ``tree`` to ``shared``, and let the tree find it at ``place``.

    It is compiled here, on all processors, and not by pip, which uses one.
    """
    import compileall

    packages = os.path.join(tree, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    os.rename(packages, shared)
    os.mkdir(packages)
    with open(os.path.join(packages, "pyve_pip.pth"), "w", encoding="utf-8") as stream:
        stream.write(place + "\n")
    compileall.compile_dir(shared, ddir=place, quiet=2, workers=0)


def log_what_is_started() -> None:
    """Log programs and requests as other helpers do; with PYVE_LOG=debug only."""
    if os.environ.get("PYVE_LOG") == "debug" and sys.version_info >= (3, 9):
        # (python -I does not have this folder there.)
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        from pyve_core.debug_log import start_logging

        start_logging()


def main(target: str, place: str, wheels: list[str]) -> int:
    """Make the template below ``target``. See the module for arguments and exit status."""
    target = os.path.realpath(target)
    tree = os.path.join(target, "tree")
    print("environment (1 of 2)")
    make_tree(tree)
    print("pip (2 of 2)")
    has_pip = install_pip(tree, wheels)
    if has_pip:
        move_texts(tree, os.path.join(target, "text"))
        share_pip(tree, os.path.join(target, "pip"), os.path.join(place, "pip"))
    return 0 if has_pip else 3


if __name__ == "__main__":
    log_what_is_started()
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

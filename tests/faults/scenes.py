"""The commands that change files or environments, each in a project where it has much to do."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conda_project import CondaUser
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import Pyve
from sync_user import ask, use_index

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("alpha", "1.1"),
    make_wheel("beta", "1.0", ["alpha"]),
    make_wheel("ring", "1.0", files={"ring/__init__.py": "", "ring/data.txt": "x" * 9000}),
)
VENV, CONDA = "venv", "micromamba"


@dataclass(frozen=True)
class Scene:
    """A command, and what is there before it.

    Attributes:
        name: of the command, as tables have it.
        backend: VENV or CONDA.
        words: the command.
        prepare: makes what is there before, for a user with an empty project.
        is_store: it is about the store, which is compared then, too: after the same command again.
    """

    name: str
    backend: str
    words: tuple[str, ...]
    prepare: Callable[[Any], None]
    is_store: bool = False

    @property
    def key(self) -> str:
        """Name and backend in one word."""
        return f"{self.name}:{self.backend}"


Prepare = Callable[[Any], None]


def state(make: Prepare) -> Prepare:
    """Let a function that makes a state of the project make it once for each user's world."""

    @functools.wraps(make)
    def restored(user: Any) -> None:
        if user.world.kept(make.__name__).exists():
            user.world.restore(make.__name__)
        else:
            make(user)
            user.world.keep(make.__name__)

    return restored


def empty(user: Pyve) -> None:
    """Remove all of the project's folder."""
    shutil.rmtree(user.project)
    user.project.mkdir()


# --- venv


@state
def nothing(user: Pyve) -> None:
    """Nothing but a manifest; the template of environments is there already."""
    user.init()
    user.ok("purge", "--yes")
    empty(user)
    ask(user, "beta")


@state
def with_env(user: Pyve) -> None:
    """An environment, not locked."""
    nothing(user)
    user.init()


@state
def with_guest(user: Pyve) -> None:
    """An environment in which something was installed by hand."""
    with_env(user)
    user.add_module(user.venv, "guest.py")


@state
def synced(user: Pyve) -> None:
    """An environment as the lock says."""
    nothing(user)
    user.ok("lock")
    user.ok("sync")


@state
def locked(user: Pyve) -> None:
    """A lock and no environment, and all it needs in the caches."""
    synced(user)
    user.ok("purge", "--yes")


@state
def cloned(user: Pyve) -> None:
    """A new worktree of a project whose environment was made from the store before."""
    synced(user)
    shutil.rmtree(user.venv)
    (user.project / ".env").unlink()
    user.ok("sync")
    shutil.rmtree(user.venv)
    (user.project / ".env").unlink()


@state
def unfilled(user: Pyve) -> None:
    """A lock, no environment, and an empty store."""
    locked(user)
    shutil.rmtree(user.home / ".cache" / "pyve" / "store")


@state
def unowned(user: Pyve) -> None:
    """A store with an environment that no project uses, and one that a project uses."""
    locked(user)
    ask(user, "beta", "ring")
    user.ok("lock")
    user.ok("sync")


@state
def damaged(user: Pyve) -> None:
    """A store with a file that is not what it was, and one that is missing."""
    synced(user)
    (data, *_) = sorted((user.home / ".cache/pyve/store/v1/envs").glob("*/site/*/METADATA"))
    content = data.read_bytes()
    data.unlink()
    data.write_bytes(content[:-1] + b"?")
    data.chmod(0o444)


@state
def add_and_remove(user: Pyve) -> None:
    """An environment as the lock says, and ring in the caches."""
    with_ring(user)
    user.ok("remove", "ring")
    empty(user)
    ask(user, "beta")
    user.ok("sync")


@state
def edited(user: Pyve) -> None:
    """An environment, and a lock that is behind its manifest."""
    add_and_remove(user)
    ask(user, "beta", "ring")


@state
def relocked(user: Pyve) -> None:
    """An environment behind its lock: one package is to be added, one to be removed."""
    add_and_remove(user)
    ask(user, "alpha<1.1", "ring")
    user.ok("lock")


@state
def with_ring(user: Pyve) -> None:
    """An environment with ring."""
    synced(user)
    user.ok("add", "ring")


@state
def behind(user: Pyve) -> None:
    """A lock and an environment with an old alpha, though a newer one is allowed."""
    synced(user)
    ask(user, "alpha<1.1", "beta")
    user.ok("sync")
    ask(user, "alpha", "beta")
    user.ok("lock")


@state
def with_testenv(user: Pyve) -> None:
    """An environment whose test environment was made and removed once."""
    with_env(user)
    user.ok("testenv", "--init")
    user.ok("testenv", "--purge")


@state
def requirements(user: Pyve) -> None:
    """A project with requirements.txt."""
    nothing(user)
    (user.project / "pyproject.toml").unlink()
    user.write("requirements.txt", "alpha==1.0\nbeta==1.0\n")


# --- conda


@state
def conda_nothing(user: CondaUser) -> None:
    """Nothing but a manifest; the packages are in the cache."""
    user.manifest("libwater <1.1", "kettle")
    user.init()
    user.ok("purge", "--yes")
    empty(user)
    user.manifest("libwater <1.1", "kettle")


@state
def conda_env(user: CondaUser) -> None:
    """An environment, not locked."""
    conda_nothing(user)
    user.init()


@state
def conda_guest(user: CondaUser) -> None:
    """An environment into which something was put by hand."""
    conda_env(user)
    (user.conda / "guest").write_text("")


@state
def conda_unlocked(user: CondaUser) -> None:
    """An environment, and what a lock needs in the caches."""
    conda_env(user)
    user.ok("lock")
    (user.project / "conda-lock.yml").unlink()


@state
def conda_python(user: CondaUser) -> None:
    """An environment with an interpreter, and the template of its test environment."""
    conda_nothing(user)
    user.manifest("python", "pip")
    user.init()
    user.ok("testenv", "--init")
    user.ok("testenv", "--purge")


@state
def conda_synced(user: CondaUser) -> None:
    """An environment as the lock says."""
    conda_env(user)
    user.ok("lock")
    user.ok("sync")


@state
def conda_locked(user: CondaUser) -> None:
    """A lock and no environment."""
    conda_synced(user)
    shutil.rmtree(user.envs)


@state
def conda_edited(user: CondaUser) -> None:
    """A lock that is behind its manifest."""
    conda_synced(user)
    user.manifest("libwater", "kettle")


@state
def conda_behind(user: CondaUser) -> None:
    """A lock with an old libwater, though a newer one is allowed."""
    conda_edited(user)
    user.ok("lock")


@state
def conda_relocked(user: CondaUser) -> None:
    """An environment behind its lock."""
    conda_synced(user)
    user.manifest("libwater")
    user.ok("lock")


@state
def conda_water(user: CondaUser) -> None:
    """An environment without kettle, which is in the cache."""
    conda_synced(user)
    user.manifest("libwater <1.1")
    user.ok("sync")


SCENES = (
    Scene("init", VENV, ("init", "--no-direnv", "--yes"), nothing),
    Scene("init --force", VENV, ("init", "--no-direnv", "--yes", "--force"), with_guest),
    Scene("lock", VENV, ("lock",), nothing),
    Scene("lock (again)", VENV, ("lock",), edited),
    Scene("sync", VENV, ("sync",), locked),
    Scene("sync (worktree)", VENV, ("sync", "--frozen"), cloned),
    Scene("sync (store fill)", VENV, ("sync",), unfilled),
    Scene("store gc", VENV, ("store", "gc"), unowned, is_store=True),
    Scene("store repair", VENV, ("store", "repair"), damaged, is_store=True),
    Scene("sync (change)", VENV, ("sync",), relocked),
    Scene("add", VENV, ("add", "ring"), add_and_remove),
    Scene("remove", VENV, ("remove", "ring"), with_ring),
    Scene("upgrade", VENV, ("upgrade",), behind),
    Scene("purge", VENV, ("purge", "--yes"), synced),
    Scene("testenv", VENV, ("testenv", "--init"), with_testenv),
    Scene("migrate", VENV, ("migrate", "--to", "pyproject", "--apply"), requirements),
    Scene("init", CONDA, ("init", "--no-direnv", "--yes"), conda_nothing),
    Scene("init --force", CONDA, ("init", "--no-direnv", "--yes", "--force"), conda_guest),
    Scene("lock", CONDA, ("lock",), conda_unlocked),
    Scene("lock (again)", CONDA, ("lock",), conda_edited),
    Scene("sync", CONDA, ("sync",), conda_locked),
    Scene("sync (change)", CONDA, ("sync",), conda_relocked),
    Scene("add", CONDA, ("add", "kettle"), conda_water),
    Scene("remove", CONDA, ("remove", "kettle"), conda_synced),
    Scene("upgrade", CONDA, ("upgrade",), conda_behind),
    Scene("purge", CONDA, ("purge", "--yes"), conda_synced),
    Scene("testenv", CONDA, ("testenv", "--init"), conda_python),
)


def find_scene(key: str) -> Scene:
    """Return the scene of a key ("sync:venv").

    Raises:
        KeyError: there is none.
    """
    for scene in SCENES:
        if scene.key == key:
            return scene
    raise KeyError(key)


def serve(user: Pyve, index: LocalIndex) -> None:
    """Let a user have an index of DISTRIBUTIONS, and uv with a cache in the user's world."""
    use_index(user, index, user.world.root / "uv cache")

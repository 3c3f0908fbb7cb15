"""The projects of the state tables: one in each state, and in more than one where that matters."""

from __future__ import annotations

import os
import shutil

from conda_project import CondaUser
from local_index import LocalIndex
from lock_user import connect
from pyve_test_helpers import Pyve
from state_table import Shelf
from sync_user import ask

# The state of each project.
VENV = {
    "bare": "uninitialized",
    "cloned": "uninitialized",
    "unlocked": "consistent",
    "edited": "needs-lock",
    "conflicted": "needs-lock",
    "garbled": "needs-lock",
    "no env": "needs-env",
    "other lock": "needs-env",
    "whole": "consistent",
    "no Python": "broken",
    "never synced": "needs-env",
}


def make_venv_shelf(user: Pyve, index: LocalIndex) -> Shelf:
    """Make the projects of VENV.

    Args:
        user: who has nothing yet.
        index: has beta, which needs alpha, and ring.
    """
    shelf = Shelf(connect(user, index))
    project = user.project
    ask(user, "beta")
    shelf.put("bare")
    user.ok("lock")
    shelf.put("cloned")
    shelf.take("bare")
    user.ok("init")
    user.add_module(user.testenv, "pytest.py", "import sys\n")
    shelf.put("unlocked")
    user.ok("lock")
    shelf.put("never synced")
    user.ok("sync")
    shelf.put("whole")
    # (As an environment would: what is on the shelf needs it again after any command.)
    for token in (user.home / ".cache/pyve/store/v1/envs").glob("*/token"):
        os.link(token, user.root / f"uses {token.parent.name}")
    shutil.rmtree(user.venv)
    shelf.put("no env")
    shelf.take("whole")
    (user.venv / "bin/python").unlink()
    (user.venv / "bin/python").symlink_to(user.root / "no such python")
    shelf.put("no Python")
    shelf.take("whole")
    lock = project / "pylock.toml"
    text = lock.read_text()
    other = text.replace("1.1", "1.0")
    lock.write_text(f"<<<<<<< HEAD\n{text}=======\n{other}>>>>>>> topic\n")
    shelf.put("conflicted")
    lock.write_text("lock-version = \n")
    shelf.put("garbled")
    shelf.take("whole")
    ask(user, "beta", "dated")
    shelf.put("edited")
    user.ok("lock")
    shelf.put("other lock")
    return shelf


# The state of each project of conda.
CONDA = {
    "bare": "uninitialized",
    "unlocked": "consistent",
    "edited": "needs-lock",
    "conflicted": "needs-lock",
    "no env": "needs-env",
    "other lock": "needs-env",
    "whole": "consistent",
    "moved": "broken",
}


def make_conda_shelf(user: CondaUser) -> Shelf:
    """Make the projects of CONDA, of small packages from the local channels.

    Args:
        user: who has nothing yet.
    """
    shelf = Shelf(user)
    lock = user.project / "conda-lock.yml"
    user.manifest("libwater <1.1", "kettle")
    shelf.put("bare")
    user.ok("init")
    shelf.put("unlocked")
    user.ok("lock")
    user.ok("sync")
    shelf.put("whole")
    shutil.rmtree(user.envs)
    shelf.put("no env")
    shelf.take("whole")
    state = user.conda / "pyve.state"
    state.write_text(state.read_text().replace(user.project.name, "another place"))
    shelf.put("moved")
    shelf.take("whole")
    text = lock.read_text()
    lock.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> topic\n")
    shelf.put("conflicted")
    shelf.take("whole")
    user.manifest("libwater", "kettle")
    shelf.put("edited")
    user.ok("lock")
    shelf.put("other lock")
    return shelf

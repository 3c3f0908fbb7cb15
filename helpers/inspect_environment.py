"""Look at the distributions of an environment, without running anything of them.

Usage: inspect_environment.py --prefix P [--project FOLDER] [--lock pylock.toml] [--tools FOLDER]

Run by the environment's own interpreter, 3.9 or newer, with -S: its .pth files and customisation
modules are read here, not executed. Versions are compared by `packaging`: the one in the folder
--tools, else the one that pip in the environment brings. Writes nothing and needs no network.

Each item of an answer has its parts with tabs between them:

    count        how many distributions the environment has of its own
    damaged      KIND NAME VERSION PATH; leftover (what pip renamed and did not remove),
                 no-metadata, no-record
    duplicate    NAME VERSIONS STALE...: more than one .dist-info; STALE: those whose files are not
                 on disk as they record them, when exactly one is whole
    missing      BY REQUIREMENT NAME            not installed
    wrong        BY REQUIREMENT NAME VERSION    installed in another version; for NAME "Python", the
                 interpreter is not what the distribution takes
    install      what pip has to be asked for so that missing and wrong go
    unjudged     true when versions could not be compared, because there is no `packaging`
    startup      LEVEL PATH OWNER TEXT: runs at each start of Python; LEVEL: note, warning
    drift        KIND NAME LOCKED INSTALLED; missing, version, extra: against the lock
    lock_fault   why the lock could not be read
    locked       how many packages of the lock are for this environment
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pyve_core import Answer, Options, parse_options, run_helper
from pyve_installed.distributions import (
    Distribution,
    find_base_folders,
    find_linked_folders,
    find_shared_folders,
    find_site_folders,
    list_distributions,
    list_installed,
)
from pyve_installed.faults import find_damaged, find_duplicates
from pyve_installed.pylock import find_drift, load_toml, select_locked
from pyve_installed.requirements import find_broken, find_judge
from pyve_installed.startup import find_startup


def inspect(options: Options) -> Answer:
    """Look at everything."""
    prefix = Path(options.get("prefix"))
    folders = find_site_folders(prefix)
    shared = find_shared_folders(folders)
    linked = find_linked_folders(folders)
    base = find_base_folders(prefix)
    distributions = list_installed(prefix)
    everything = list(distributions)
    for folder in linked + base:
        everything += list_distributions(folder, False)
    tools = [Path(folder) for folder in options.get_all("tools")]
    places = tools + folders + shared + linked + base
    judge = find_judge(places)
    version = "%d.%d.%d" % sys.version_info[:3]
    missing, wrong, install = find_broken(everything, judge, version)
    answer: dict[str, Any] = {
        "count": len({d.name for d in distributions}),
        "damaged": ["\t".join(item) for item in find_damaged(folders)],
        "duplicate": ["\t".join(item) for item in find_duplicates(distributions)],
        "missing": ["\t".join(item) for item in missing],
        "wrong": ["\t".join(item) for item in wrong],
        "install": install,
        "unjudged": judge is None,
        "startup": ["\t".join(item) for item in find_startup(folders, distributions)],
    }
    if options.has("lock"):
        answer.update(compare_lock(options, distributions, judge, places))
    return answer


def compare_lock(
    options: Options, distributions: list[Distribution], judge: Any, places: list[Path]
) -> dict[str, Any]:
    """Read the lock, and compare."""
    path = Path(options.get("lock"))
    try:
        lock = load_toml(path, places)
        wanted, names = select_locked(lock, judge)
    except ImportError:
        return {"lock_fault": "this Python reads no TOML, and there is no pip that does"}
    except OSError as error:
        return {"lock_fault": error.strerror or "it cannot be read"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {"lock_fault": f"it is no pylock.toml: {error}", "lock_invalid": True}
    drift = find_drift(wanted, names, distributions, options.get("project", ""), judge)
    return {"locked": len(wanted), "drift": ["\t".join(item) for item in drift]}


def main(argv: list[str]) -> Answer:
    """Answer what is wrong with the distributions of an environment."""
    return inspect(parse_options(argv, "prefix project lock tools"))


if __name__ == "__main__":
    sys.exit(run_helper(main))

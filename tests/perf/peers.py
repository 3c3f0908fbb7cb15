"""The peers: pip-tools, poetry, pdm, pip and pipx, in a folder of their own.

They are installed with the pins of peers.txt, and their hashes, into .dev/peers (BENCH_PEERS names
another folder), once. What they fetch is kept there, too, so that only the first run waits for it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from timing import BenchError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What the outside world has to lend to those that ask an index.
LENT = (
    *("UV_", "PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)
# Of that, what would take other files than the index has, or put them elsewhere.
_KEPT_BACK = ("PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CACHE_DIR", "PIP_TARGET", "PIP_PREFIX")
_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"


def lend(names: tuple[str, ...] = LENT) -> dict[str, str]:
    """Give the variables of this process with which an index can be asked."""
    return {
        key: value
        for key, value in os.environ.items()
        if key.upper().startswith(names) and key not in (*_KEPT_BACK, "UV_CACHE_DIR", "UV_OFFLINE")
    }


class Peers:
    """Where they are.

    Attributes:
        folder: of their environment and their caches.
        bin: of their programs, or None when they could not be installed.
        env: the variables that they work with, beside those of everybody.
    """

    def __init__(self, bench: Any) -> None:
        self.folder = Path(os.environ.get("BENCH_PEERS") or ROOT / ".dev" / "peers").absolute()
        self.bin: Path | None = self.folder / "bin"
        caches = self.folder / "cache"
        self.env = {
            "PIP_CACHE_DIR": str(caches / "pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "POETRY_CACHE_DIR": str(caches / "poetry"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "PDM_CACHE_DIR": str(caches / "pdm"),
            "PDM_CHECK_UPDATE": "0",
        }
        try:
            self.install(bench)
        except BenchError as error:
            self.bin = None
            why = str(error).splitlines()[-1]
            bench.skip(f"pip-tools, poetry, pdm, pip, pipx: they could not be installed ({why})")

    def install(self, bench: Any) -> None:
        """Install them, unless the pins of today are there.

        Raises:
            BenchError: there is no uv, or no index that has them.
        """
        pins = HERE / "peers.txt"
        digest = hashlib.sha256(pins.read_bytes()).hexdigest() + "\n"
        mark = self.folder / "made-from"
        if mark.is_file() and mark.read_text(encoding="utf-8") == digest:
            return
        if not bench.uv:
            raise BenchError("there is no uv")
        env = {key: value for key, value in bench.env.items() if key != "UV_OFFLINE"}
        shutil.rmtree(self.folder / "cache" / "warm", ignore_errors=True)
        venv = [bench.uv, "venv", "-q", "--allow-existing", "--python", sys.executable]
        bench.call([*venv, str(self.folder)], bench.home)
        words = ["pip", "sync", "-q", "--require-hashes", "--python", str(self.folder), str(pins)]
        bench.call([bench.uv, *words], bench.home, {**lend(), **env})
        mark.write_text(digest, encoding="utf-8")

    def find(self, name: str) -> str:
        """Give the path of one of them, or "" when it is not there."""
        return str(self.bin / name) if self.bin and (self.bin / name).exists() else ""

    def default_index(self, bench: Any, env: Mapping[str, str]) -> str:
        """Give the URL of the index that pip asks."""
        for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "UV_INDEX_URL"):
            if env.get(name):
                return env[name]
        return str(bench.read([self.find("python"), "-c", _INDEX], bench.home, env)).strip()

    def is_warm(self, what: str) -> bool:
        """Tell whether ``stay_warm`` was called for this."""
        return (self.folder / "cache" / "warm" / what).exists()

    def stay_warm(self, what: str) -> None:
        """Remember that all that this takes is in the caches."""
        mark = self.folder / "cache" / "warm" / what
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

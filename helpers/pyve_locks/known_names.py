"""Names that people ask for often, to find what a misspelt one may have meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["guess_names"]

# What is imported -> what is installed, where the names differ.
_IMPORTED = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google-protobuf": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "mysqldb": "mysqlclient",
    "opencv": "opencv-python",
    "openssl": "pyopenssl",
    "pil": "pillow",
    "pkg-resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2-bin": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "usb": "pyusb",
    "win32api": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_KNOWN = """
aiofiles aiohttp alembic annotated-types anyio apscheduler argcomplete arrow asgiref asyncpg attrs
babel bcrypt beautifulsoup4 black bleach blinker boto3 botocore build cachetools celery certifi cffi
chardet charset-normalizer click cloudpickle colorama coverage cryptography cython dask databases
datasets deepdiff defusedxml dill django django-filter djangorestframework dnspython docker
docutils email-validator execnet fabric faker fastapi fastjsonschema filelock flake8 flask
flask-cors flask-login flask-sqlalchemy fonttools frozenlist fsspec gevent gitpython graphviz
greenlet grpcio gunicorn h11 h5py httpcore httptools httpx huggingface-hub hypothesis idna
importlib-metadata importlib-resources iniconfig ipykernel ipython ipywidgets isort itsdangerous
jinja2 jmespath joblib jsonschema jupyter jupyterlab keyring kiwisolver lightgbm lxml mako markdown
markdown-it-py markupsafe marshmallow matplotlib mccabe mkdocs mkdocs-material more-itertools
msgpack multidict mypy mypy-extensions mysqlclient nbconvert nbformat networkx nltk notebook numba
numpy oauthlib openai opencv-python openpyxl opentelemetry-api orjson packaging pandas paramiko
pathspec patsy pexpect pillow pip pip-tools pipx platformdirs plotly pluggy poetry polars
pre-commit prometheus-client prompt-toolkit protobuf psutil psycopg psycopg2 psycopg2-binary
pyarrow pyasn1 pycodestyle pycparser pycryptodome pydantic pydantic-core pydantic-settings pyflakes
pygments pyinstaller pyjwt pylint pymongo pymupdf pymysql pynacl pyopenssl pyparsing pyproject-hooks
pyserial pytest pytest-asyncio pytest-cov pytest-django pytest-mock pytest-xdist python-dateutil
python-docx python-dotenv python-jose python-multipart python-slugify pytz pyyaml pyzmq rapidfuzz
redis regex requests requests-oauthlib responses rich rsa ruff s3fs s3transfer scikit-image
scikit-learn scipy seaborn selenium sentry-sdk setuptools setuptools-scm six sniffio soupsieve
sphinx sphinx-rtd-theme sqlalchemy sqlparse starlette statsmodels structlog sympy tabulate tenacity
tensorflow tokenizers toml tomli tomlkit torch torchaudio torchvision tornado tox tqdm traitlets
transformers trio twine typer types-pyyaml types-requests typing-extensions tzdata tzlocal ujson
urllib3 uvicorn uvloop virtualenv watchdog watchfiles wcwidth websocket-client websockets werkzeug
wheel wrapt xgboost xlsxwriter yarl zipp zstandard
"""
_CLOSE = 0.75


def guess_names(name: str, others: Iterable[str] = (), most: int = 3) -> list[str]:
    """Guess what a misspelt name may have meant.

    Args:
        name: normalised.
        others: names that are known to be there, in any spelling; they come first.
        most: how many to give at most.

    Returns:
        Normalised names, the likeliest first.
    """
    guesses = [_IMPORTED[name]] if name in _IMPORTED else []
    for names in (map(canonicalize_name, others), _KNOWN.split()):
        # Without hyphens, so that scikitlearn is as close to scikit-learn as can be.
        bare = {re.sub("-", "", one): str(one) for one in names if one != name}
        found = get_close_matches(name.replace("-", ""), sorted(bare), most, _CLOSE)
        guesses += [bare[one] for one in found]
    return list(dict.fromkeys(guesses))[:most]

"""Which conda package is which distribution of Python, as far as that is known.

Most packages of conda-forge that are written in Python have the name of their distribution. What is
here is what is sure: a name that is missing here is not known to be the same.
"""

from __future__ import annotations

import re

from pyve_locks.migrate_model import normalize

__all__ = ["is_no_distribution", "to_conda", "to_distribution"]

# conda's name -> that of the distribution, where they differ.
RENAMED = {
    "arrow-cpp": "",
    "astropy-base": "astropy",
    "black-jupyter": "black",
    "brotli-python": "brotli",
    "cached_property": "cached-property",
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "gdal": "gdal",
    "graphviz": "",
    "importlib_metadata": "importlib-metadata",
    "importlib_resources": "importlib-resources",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "mysqlclient": "mysqlclient",
    "opencv": "opencv-python",
    "prompt_toolkit": "prompt-toolkit",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel_yaml": "ruamel-yaml",
    "scikit-learn-intelex": "scikit-learn-intelex",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "typing_extensions": "typing-extensions",
    "uvicorn-standard": "uvicorn",
    "zmq": "pyzmq",
}

# Names that are the same, on conda-forge and on the index of Python.
_SAME = """
    aiohttp altair anyio arrow astropy attrs babel beautifulsoup4 black bokeh boto3 botocore
    bottleneck cachetools cartopy certifi cffi charset-normalizer click cloudpickle colorama
    coverage cryptography cvxpy cython dask datasets decorator distributed django docutils duckdb
    fastapi filelock fiona flake8 flask fsspec future gensim geopandas gitpython greenlet gunicorn
    h5py holoviews httpcore httpx hypothesis idna imageio ipykernel ipython ipywidgets isort
    jinja2 joblib jsonschema jupyter jupyterlab keras lightgbm llvmlite loguru lxml mako markdown
    markdown-it-py markupsafe matplotlib mlflow mpmath mypy nbconvert nbformat networkx nltk
    notebook numba numexpr numpy openpyxl orjson packaging pandas panel paramiko pathspec patsy
    pexpect pillow pip platformdirs plotly pluggy polars pre-commit psutil psycopg2 pyarrow
    pycparser pydantic pyflakes pygments pymongo pyparsing pyproj pytest pytest-cov
    pytest-xdist python-dateutil python-dotenv pytz pyyaml pyzmq redis regex requests rich ruff
    s3fs scikit-image scikit-learn scipy scrapy seaborn selenium setuptools shapely simplejson
    six soupsieve spacy sphinx sqlalchemy starlette statsmodels streamlit sympy tables tabulate
    tenacity tensorboard tensorflow threadpoolctl tokenizers toml tomli tomlkit toolz tornado tox
    tqdm traitlets transformers typer typing-extensions tzdata urllib3 uvicorn virtualenv
    websockets werkzeug wheel wrapt xarray xgboost xlrd xlsxwriter yarl zarr
"""
SAME = frozenset(_SAME.split())

# What is no distribution of Python: compilers, libraries, other languages, CUDA, programs.
_OTHER = re.compile(
    r"_.*|r|r-.*|m2-.*|lib(?!rosa$|tmux$|cst$|sass$|usb1$|clang$).*|.*_(linux|osx|win)-.*|.*-cpp"
    r"|(c|cxx|fortran|rust|go|nvcc|cuda)-compiler|compilers|gcc|gxx|gfortran|clang(xx)?|binutils"
    r"|cuda|cuda-.*|cudatoolkit(-dev)?|cudnn|nccl|nvidia-.*-cu.*|cupti|mkl|mkl-(devel|include|dnn)"
    r"|openblas|blas|blis|atlas|lapack|fftw|hdf5|netcdf4?-fortran|openmpi|mpich|mpi|ucx"
    r"|openssl|zlib|bzip2|xz|zstd|lz4-c|readline|ncurses|sqlite|tk|ca-certificates|icu|expat"
    r"|nodejs|openjdk|maven|julia|perl|ruby|go|rust|php|ffmpeg|gdal-.*|geos|proj|poppler|ghostscript"
    r"|imagemagick|pandoc|git|git-lfs|make|pkg-config|pkgconfig|autoconf|automake|bison|flex|bash"
    r"|curl|wget|tar|unzip|zip|vim|nano|htop|tmux|jq|samtools|bcftools|bedtools|blast|bwa|star"
    r"|salmon|nextflow|snakemake-minimal|sysroot.*|kernel-headers.*|vc|vs20.*|ucrt|python_abi"
    r"|tzcode|font-.*|fonts-.*|fontconfig|freetype|cairo|pango|gtk[0-9]|qt|qt-main|glib|boost"
    r"|boost-cpp|eigen|gsl|glpk|coin-or-.*|ipopt|scip|tbb|tbb-devel|intel-openmp|_openmp_mutex"
)


def is_no_distribution(name: str) -> bool:
    """Tell whether a conda package is known to be no distribution of Python."""
    return RENAMED.get(name) == "" or (name not in RENAMED and bool(_OTHER.fullmatch(name)))


def to_distribution(name: str) -> tuple[str, bool]:
    """Give the distribution that a conda package is.

    Returns:
        Its normalised name, "" for none; and whether that is known, or only likely.
    """
    if is_no_distribution(name):
        return "", True
    if name in RENAMED:
        return RENAMED[name], True
    normal = normalize(name)
    return normal, normal in SAME


def to_conda(name: str) -> str:
    """Give the conda package of a distribution where its name is known to be the same, else ""."""
    normal = normalize(name)
    return normal if normal in SAME and not is_no_distribution(normal) else ""

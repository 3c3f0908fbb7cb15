"""Names of modules and the distributions that bring them, where the two differ."""

from __future__ import annotations

# The ones that are asked for most, for modules that are not installed: the others tell it.
_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "discord": "discord.py",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "nacl": "PyNaCl",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "win32api": "pywin32",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}


def guess_modules(distribution: str) -> list[str]:
    """Give the modules at the top that a distribution has, as far as they are known by heart."""
    name = distribution.lower().replace("_", "-")
    return [module for module, other in _DISTRIBUTIONS.items() if other.lower() == name]


def guess_distribution(module: str) -> str:
    """Give the distribution that most probably brings a module at the top."""
    return _DISTRIBUTIONS.get(module, module.replace("_", "-"))

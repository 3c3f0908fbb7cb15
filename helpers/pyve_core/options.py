"""The arguments of a helper: ``--name VALUE``, ``--flag``, and words."""

from __future__ import annotations

from pyve_core.errors import HelperError


class Options:
    """Arguments that were taken apart.

    Attributes:
        words: the arguments that belong to no option.
    """

    def __init__(self, values: dict[str, list[str]], words: list[str]) -> None:
        self._values = values
        self.words = words

    def get(self, name: str, default: str | None = None) -> str:
        """Give the last value of an option.

        Raises:
            HelperError: E_HELPER_USAGE when it was not given and there is no default.
        """
        values = self._values.get(name)
        if values:
            return values[-1]
        if default is None:
            raise HelperError("E_HELPER_USAGE", f"the helper needs --{name}")
        return default

    def get_all(self, name: str) -> list[str]:
        """Give all values of an option, in their order."""
        return self._values.get(name, [])

    def has(self, name: str) -> bool:
        """Tell whether an option was given."""
        return name in self._values


def parse_options(argv: list[str], valued: str, flags: str = "") -> Options:
    """Take arguments apart.

    Args:
        argv: the arguments.
        valued: the names of options with a value, with blanks between them.
        flags: the names of those without one.

    Raises:
        HelperError: E_HELPER_USAGE for an option that is not named, or without its value.
    """
    values: dict[str, list[str]] = {}
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if not word.startswith("--"):
            words.append(word)
            continue
        name = word[2:]
        if name in flags.split():
            values.setdefault(name, []).append("1")
        elif name in valued.split():
            value = next(rest, None)
            if value is None:
                raise HelperError("E_HELPER_USAGE", f"the helper needs a value behind {word}")
            values.setdefault(name, []).append(value)
        else:
            raise HelperError("E_HELPER_USAGE", f"the helper has no option {word}")
    return Options(values, words)

"""What ``pyve test`` adds to pytest and to unittest: shards, changed tests, results, durations.

The package is copied into the test environment and runs in the project's own interpreter, beside
the project's tests: it needs the standard library only, and pytest (7 or newer) for ``plugin``.

PYTEST_DONT_REWRITE
"""

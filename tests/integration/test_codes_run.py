"""Each code about profiles: brought about, mended, gone."""

from __future__ import annotations

from code_cases import bring, brings, corrects, mends
from distributions import make_wheel
from pyve_test_helpers import Pyve
from sync_user import ask

DISTRIBUTIONS = (make_wheel("alpha", "1.0"),)


@brings("E_PROFILE_UNKNOWN")
def test_there_is_no_such_profile(pyve: Pyve) -> None:
    pyve.init()
    fix = "pyve run --profile bench true"
    corrects(pyve, "E_PROFILE_UNKNOWN", "run", "--profile", "bnch", "true", fix=fix)
    corrects(pyve, "E_PROFILE_UNKNOWN", "run", "--profile=bnch", "true").says("bnch", "bench")
    # Where the environment names it, the profiles that there are.
    failure = bring(pyve, "E_PROFILE_UNKNOWN", "run", "true", PYVE_PROFILE="*")
    assert "prod" in failure.apply().stdout
    failure.check_gone(PYVE_PROFILE="prod")


@brings("E_PROFILE_VALUE")
def test_the_config_says_what_no_profile_can(pyve: Pyve) -> None:
    pyve.init()
    config = pyve.project / ".pyve/config"
    text = config.read_text()
    for line, words in (
        ("flags: -c pass", ("flags: -c pass", "-X NAME")),
        ("watch: maybe", ("watch: maybe", "true or false")),
        ("groups: ../x", ("groups: ../x", "names")),
        ("env:\n        PATH: /x", ("env.PATH", "set by Pyve")),
        ("env:\n        BASH_ENV: /x", ("env.BASH_ENV",)),
        ("env:\n        PYTHONHOME: /x", ("env.PYTHONHOME",)),
    ):
        config.write_text(f"{text}run:\n  profiles:\n    dev:\n      {line}\n")
        mends(pyve, "E_PROFILE_VALUE", "run", "--profile", "dev", "true").says(*words)
    config.write_text(f"{text}run:\n  profiles:\n    dev:\n      flag: -b\n")
    failure = bring(pyve, "E_PROFILE_VALUE", "profile", "show", "dev")
    failure.by_hand("run.profiles.dev.flag", "did you mean 'flags'?", str(config))
    config.write_text(f"{text}run:\n  profiles:\n    dev:\n      env: LOG=1\n")
    bring(pyve, "E_PROFILE_VALUE", "profile", "list").by_hand("LOG=1", "mapping", str(config))
    config.write_text(text)
    failure.check_gone()


@brings("E_PROFILE_FILE")
def test_the_env_file_is_not_there_or_is_none(pyve: Pyve) -> None:
    pyve.init()
    for text in ("", "no variables here\n", "A=1\x00\n"):
        pyve.ok("config", "set", "run.profiles.web.env_file", "web.env")
        pyve.ok("config", "set", "run.profiles.web.watch", "false")
        if text:
            pyve.write("web.env", text)
        mends(pyve, "E_PROFILE_FILE", "run", "--profile", "web", "true").says("web.env")


@brings("E_PROFILE_GROUPS")
def test_there_is_no_lock_to_take_the_groups_from(user: Pyve) -> None:
    ask(user, "alpha", more='[dependency-groups]\ndev = ["alpha"]\n')
    user.init()
    mends(user, "E_PROFILE_GROUPS", "run", "--profile", "prod", "python", "-c", "import alpha")

from __future__ import annotations

import pytest

from greeter import MissingColumn, fill, write_letters
from greeter.cli import main

TABLE = ["name,item\n", "Ada,engine\n", '"Hopper, G.",clock\n']


def test_every_blank_is_filled():
    assert fill("{name}: {item}, {name}", {"name": "Ada", "item": "engine"}) == "Ada: engine, Ada"


def test_there_is_one_letter_for_each_row():
    assert list(write_letters("Dear {name}", TABLE)) == ["Dear Ada", "Dear Hopper, G."]


def test_a_value_with_braces_is_not_filled_again():
    assert fill("{a}", {"a": "{b}", "b": "x"}) == "{b}"


def test_a_blank_without_a_column_names_the_columns_there_are():
    with pytest.raises(MissingColumn, match=r"no column 'age' .*item, name"):
        list(write_letters("{age}", TABLE))


def test_the_command_prints_the_letters(tmp_path, capsys):
    table = tmp_path / "people.csv"
    table.write_text("".join(TABLE), encoding="utf-8")
    assert main(["Dear {name}", str(table)]) == 0
    assert capsys.readouterr().out == "Dear Ada\nDear Hopper, G.\n"


def test_the_command_reports_a_table_that_is_not_there(capsys):
    assert main(["Dear {name}", "no such file.csv"]) == 1
    assert capsys.readouterr().err.startswith("greeter: ")

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from change_point import chance, find_change, gains, main, read_series

NILE = Path(__file__).resolve().parents[1] / "nile.csv"


def test_a_step_is_found_where_it_is():
    assert find_change(np.array([5.0, 5.1, 4.9, 5.0, 9.0, 9.1])) == 4


def test_a_gain_is_what_two_means_take_away_of_the_squared_error():
    values = np.array([1.0, 4.0, 2.0, 8.0])
    before, after = values[:3], values[3:]
    rest = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    assert gains(values)[2] == pytest.approx(((values - values.mean()) ** 2).sum() - rest)


def test_the_nile_had_less_water_after_1898():
    years, values = read_series(str(NILE))
    assert years[find_change(values) - 1] == 1898
    assert chance(values) < 0.001


def test_noise_has_no_surprising_change():
    assert chance(np.random.default_rng(1).normal(size=100)) > 0.05


@pytest.mark.parametrize("text", ["", "year,flow\n", "year,flow\n1871,much\n", "year\n1871\n"])
def test_a_table_without_a_series_is_told_so(tmp_path, capsys, text):
    table = tmp_path / "table.csv"
    table.write_text(text, encoding="utf-8")
    assert main([str(table)]) == 1
    assert capsys.readouterr().err.startswith("change_point: ")

"""`experiment_results` says what scipy and statsmodels say, and finds nothing where there is nothing.

The rows that its models read are made up (`made_up.sql`); the SQL is dbt's. What other implementations say of
the same cases is in `reference.json` (`reference.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbt_models import view_of
from properties.workbench import Workbench

from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.statements import named_statements

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
STATEMENTS = named_statements(HERE / "made_up.sql")
CASES = json.loads((HERE / "cases.json").read_text())
REFERENCE = json.loads((HERE / "reference.json").read_text())
MODELS = ("experiment_exposures", "experiment_results")
GOAL = {"event": "purchase", "within": {"days": 7, "seconds": 604800}}


class Experiments:
    """A warehouse with made-up leads, and the models of experiments as dbt compiled them."""

    def __init__(self, warehouse: Warehouse, compiled: dict[str, str]):
        self.warehouse = warehouse
        self._compiled = compiled

    def clear(self) -> None:
        """No leads, on the first of January 2027."""
        self.warehouse.execute(STATEMENTS["clear"])

    def without_effect(self, sequences: int) -> None:
        """So many sequences in which nothing has an effect."""
        self.clear()
        self.warehouse.execute(STATEMENTS["sequences_without_effect"], [sequences])
        self.warehouse.execute(STATEMENTS["versions_without_effect"])
        self.warehouse.execute(STATEMENTS["enrollments_without_effect"])

    def measure(self, as_of: datetime | None = None) -> list[dict[str, Any]]:
        """The rows of `experiment_results`, at this instant or that of before."""
        if as_of is not None:
            self.warehouse.execute("update raw.tick set as_of = ?", [as_of])
        for model in MODELS:
            self.warehouse.execute(f"create or replace table marts.{model} as {self._compiled[model]}")
        return self.warehouse.rows("select * from marts.experiment_results")


@pytest.fixture(scope="module")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiments]:
    workbench = Workbench(tmp_path_factory.mktemp("experiments"))
    Pipeline(workbench.project, workbench.transform, journal=None).measure()
    compiled = {model: workbench.transform.compiled[f"model.drips.{model}"] for model in MODELS}
    with open_warehouse(workbench.transform.warehouse) as warehouse:
        # Of versions that are made up no tick has made it.
        warehouse.execute("drop table decide.goal_spells")
        warehouse.execute(view_of("goal_spells"))
        yield Experiments(warehouse, compiled)


@pytest.fixture(scope="module")
def results(experiments: Experiments) -> dict[str, dict[str, Any]]:
    """The row of treatment of every case with a holdout."""
    versions, groups = [], []
    for name, case in CASES["holdouts"].items():
        for number, (holdout, (n0, x0, n1, x1)) in enumerate(zip(case["holdouts"], case["strata"], strict=True), 1):
            one = {"sequence_id": name, "version": number}
            versions.append({**one, "definition": json.dumps({"holdout": holdout, "goal": GOAL})})
            groups.append({**one, "arm": "control", "leads": n0, "converted": x0})
            groups.append({**one, "arm": "treatment", "leads": n1, "converted": x1})
    experiments.clear()
    experiments.warehouse.execute(STATEMENTS["versions"], [json.dumps(versions)])
    experiments.warehouse.execute(STATEMENTS["enrollments"], [json.dumps(groups)])
    return {row["sequence_id"]: row for row in experiments.measure() if row["arm"] == "treatment"}


@pytest.mark.parametrize("name", CASES["holdouts"])
def test_a_holdouts_numbers_are_those_of_scipy_and_statsmodels(name: str, results: dict[str, dict[str, Any]]) -> None:
    expected = REFERENCE["holdouts"][name]
    told = {column: results[name][column] for column in expected}
    # The limits of a t interval are a series in its degrees of freedom: three digits where there are four of them.
    few = results[name]["enrolled"] < 10
    for column, value in expected.items():
        if isinstance(value, float):
            tolerance = 1e-3 if few and column.startswith("revenue") else 1e-5
            nothing = 0 if "p_value" in column else 1e-6
            assert told[column] == pytest.approx(value, rel=tolerance, abs=nothing), column
        else:
            assert told[column] == value, column


def test_a_tiny_p_is_printed_as_it_is(results: dict[str, dict[str, Any]]) -> None:
    assert 0 < results["tiny-p"]["p_value"] < 1e-200
    assert 0 < results["tiny-p"]["always_valid_p"] < 1e-200
    assert results["wrong-sizes-beyond-all"]["srm_p_value"] == 1e-300


def test_a_holdout_that_was_changed_makes_no_effect(results: dict[str, dict[str, Any]]) -> None:
    # By all leads 38 % against 5 %; by those who were drawn 6 % against 5 %.
    row = results["no-holdout-at-first"]
    assert (row["enrolled"], row["compared"]) == (400, 400)
    assert row["lift"] == pytest.approx(0.2)
    assert results["two-splits"]["p_value"] > 0.05


def test_a_conclusion_says_whether_there_is_anything_to_see(results: dict[str, dict[str, Any]]) -> None:
    assert results["tiny-p"]["conclusion"] == (
        "More conversions than control: 10.0 points (9.42 to 10.58), p < 0.0001, however often it was looked at."
    )
    assert results["textbook"]["conclusion"].endswith("not yet enough for looking every day.")
    assert results["rare"]["conclusion"].startswith(
        "Nothing to see yet: the difference to control is between -1.93 and"
    )
    assert "sample-ratio mismatch" in results["wrong-sizes"]["conclusion"]


def test_variants_are_corrected_for_their_number(experiments: Experiments) -> None:
    experiments.clear()
    versions, groups = [], []
    for name, arms in CASES["variants"].items():
        variants = [{"id": f"v{number}", "weight": 1.0} for number in range(len(arms))]
        definition = json.dumps({"holdout": 0.0, "goal": GOAL, "steps": [{"id": "mail", "variants": variants}]})
        versions.append({"sequence_id": name, "version": 1, "definition": definition})
        for variant, (leads, converted) in zip(variants, arms, strict=True):
            groups.append(
                {"sequence_id": name, "version": 1, "arm": variant["id"], "leads": leads, "converted": converted}
            )
    experiments.warehouse.execute(STATEMENTS["versions"], [json.dumps(versions)])
    experiments.warehouse.execute(STATEMENTS["enrollments"], [json.dumps(groups)])
    experiments.warehouse.execute(STATEMENTS["messages"])
    rows = sorted(experiments.measure(), key=lambda row: row["arm"])
    for name, expected in REFERENCE["variants"].items():
        first, *others = [row for row in rows if row["sequence_id"] == name]
        assert first["baseline_arm"] is None
        assert {row["baseline_arm"] for row in others} == {"v0"}
        for column in ("p_value", "p_value_holm"):
            assert [row[column] for row in others] == pytest.approx(expected[column], rel=1e-5), column
        assert first["srm_p_value"] == pytest.approx(expected["srm_p_value"], rel=1e-5)


def test_where_nothing_has_an_effect_a_test_of_five_percent_rejects_five_percent(experiments: Experiments) -> None:
    experiments.without_effect(2000)
    experiments.measure()
    (row,) = experiments.warehouse.rows(STATEMENTS["rejected"])
    count = row.pop("experiments")
    assert count == 2000
    always_valid = row.pop("by_always_valid_p")
    rates = {name: rejected / count for name, rejected in row.items()}
    assert {name: rate for name, rate in rates.items() if not 0.04 <= rate <= 0.06} == {}
    assert always_valid / count <= 0.05


def test_looking_every_few_days_and_stopping_early_finds_nothing_either(experiments: Experiments) -> None:
    experiments.without_effect(400)
    stopped: dict[str, set[str]] = {"p_value": set(), "always_valid_p": set()}
    for days in range(40, 140, 10):
        for row in experiments.measure(datetime(2026, 1, 1) + timedelta(days=days)):
            for column, sequences in stopped.items():
                if row["arm"] == "treatment" and row[column] is not None and row[column] <= 0.05:
                    sequences.add(row["sequence_id"])
    # What is for one look is wrong far more often when it is looked at ten times; what is for always is not.
    assert len(stopped["p_value"]) / 400 > 0.08
    assert len(stopped["always_valid_p"]) / 400 <= 0.05

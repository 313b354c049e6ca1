"""The type of a due message beside what makes it: the dbt model `due_steps`, as it is documented."""

import msgspec
import pytest
import yaml
from conftest import DBT_PACKAGE

from dagster_drips.delivery.due_message import DueMessage, due_messages
from dagster_drips.errors import DripsError

from .conftest import due_message


def test_its_fields_are_the_documented_columns_with_the_lead_and_the_event():
    documented = [
        column["name"]
        for file in sorted((DBT_PACKAGE / "models").rglob("*.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", ())
        if model["name"] == "due_steps"
        for column in model["columns"]
    ]
    assert sorted(documented) == sorted({*DueMessage.__struct_fields__} - {"lead", "event", "content", "content_types"})


def test_a_row_keeps_its_values_and_columns_that_nobody_asks_for_stay_out():
    due = due_message("m1", event={"event": "cart", "value": 2.5})
    [made] = due_messages([{**msgspec.structs.asdict(due), "added_lately": 1}])
    assert made == due


@pytest.mark.parametrize("change", [{"attempt": None}, {"as_of": "soon"}, {"recipient": 7}])
def test_rows_that_are_not_what_sending_expects_are_one_clear_error(change):
    row = {**msgspec.structs.asdict(due_message("m1")), **change}
    with pytest.raises(DripsError, match=f"due_steps is not what sending expects: .*{next(iter(change))}"):
        due_messages([row])

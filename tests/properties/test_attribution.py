"""Random sales and touches: `sales_attribution` credits what a plain reading of docs/numbers.md credits, and whole.

The SQL is the model's, over made-up tables; the plain reading is `credits_of`. Neither dbt nor ticks are needed for it.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import duckdb
import pytest
from dbt_models import relation_of, view_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 28)
HALF_DAY = timedelta(hours=12)
BUYER_OF = {"a": "l", "b": "l", "c": "l", "d": "l", "e": "l", "x": "k", "y": "k"}
MODELS = ("last_click", "first_click", "last_touch", "first_touch", "linear", "time_decay", "position_based")
DEFAULT_WINDOW = timedelta(days=5)
TABLES = {
    "raw.project_settings": (
        "attribution_click_seconds bigint, attribution_open_seconds bigint, attribution_half_life_seconds bigint"
    ),
    relation_of("sales"): (
        "event_id varchar, lead_id varchar, occurred_at timestamp, is_refund boolean, order_id varchar,"
        " currency varchar, gross_revenue decimal(18, 4), refunds decimal(18, 4)"
    ),
    relation_of("int_engagement_facts"): (
        "message_id varchar, sequence_id varchar, step_id varchar, lead_id varchar, type varchar,"
        " effective_at timestamp, is_human boolean"
    ),
}


@dataclass(frozen=True)
class Sale:
    """A sale, or with `order_id` of another event what was paid back of that one."""

    event_id: str
    lead_id: str
    occurred_at: datetime
    is_refund: bool
    order_id: str
    currency: str | None
    gross_revenue: float
    refunds: float


@dataclass(frozen=True)
class Touch:
    message_id: str
    lead_id: str
    type: str
    effective_at: datetime
    is_human: bool
    sequence_id: str = "s"
    step_id: str = "a"


@dataclass(frozen=True)
class Windows:
    """As `attribution` in project.yml has them, in seconds."""

    attribution_click_seconds: int | None
    attribution_open_seconds: int | None
    attribution_half_life_seconds: int

    def of(self, touch: Touch) -> timedelta:
        seconds = self.attribution_click_seconds if touch.type == "clicked" else self.attribution_open_seconds
        return DEFAULT_WINDOW if seconds is None else timedelta(seconds=seconds)


Credits = dict[str | None, float]
"""Message (None: no message) → credit."""


def credits_of(sale: Sale, touches: list[Touch], windows: Windows) -> dict[str, Credits]:
    """What each model credits, by the definitions."""
    counting = [
        one
        for one in touches
        if one.lead_id == sale.lead_id
        and one.is_human
        and one.type in ("opened", "clicked")
        and windows.of(one)
        and sale.occurred_at - windows.of(one) <= one.effective_at <= sale.occurred_at
    ]
    clicks = [one for one in counting if one.type == "clicked"]
    messages = sorted({one.message_id for one in counting})
    if not messages:
        return {model: {None: 1.0} for model in MODELS}
    first, last = _first(counting), _last(counting)
    latest = {message: max(one.effective_at for one in counting if one.message_id == message) for message in messages}
    weights = {
        message: 0.5 ** ((latest[last] - latest[message]).total_seconds() / windows.attribution_half_life_seconds)
        for message in messages
    }
    between = [message for message in messages if message not in (first, last)]
    ends: Credits = defaultdict(float)
    for end in (first, last):
        ends[end] += 0.4 if between else 0.5
    return {
        "last_click": {_last(clicks) if clicks else None: 1.0},
        "first_click": {_first(clicks) if clicks else None: 1.0},
        "last_touch": {last: 1.0},
        "first_touch": {first: 1.0},
        "linear": dict.fromkeys(messages, 1 / len(messages)),
        "time_decay": {
            message: share for message, weight in weights.items() if (share := weight / sum(weights.values()))
        },
        "position_based": {**ends, **{message: 0.2 / len(between) for message in between}},
    }


def _first(touches: list[Touch]) -> str:
    return min((one.effective_at, one.message_id) for one in touches)[1]


def _last(touches: list[Touch]) -> str:
    return max((one.effective_at, one.message_id) for one in touches)[1]


# Few instants, so that some are equal and some stand exactly at a window's edge.
INSTANTS = st.integers(0, 16).map(lambda half_days: START + half_days * HALF_DAY)
LATER = st.integers(8, 20).map(lambda half_days: START + half_days * HALF_DAY)
SECONDS = st.sampled_from([None, None, 604_800, 604_800, 172_800, 43_200, 0])
WINDOWS = st.builds(Windows, SECONDS, SECONDS, st.sampled_from([1, 86_400, 604_800]))
TOUCHES = st.lists(
    st.builds(
        lambda message, kind, at, is_human: Touch(message, BUYER_OF[message], kind, at, is_human),
        st.sampled_from(sorted(BUYER_OF)),
        st.sampled_from(["opened", "opened", "clicked", "clicked", "replied"]),
        INSTANTS,
        st.sampled_from([True] * 5 + [False]),
    ),
    min_size=8,
    max_size=24,
)
CURRENCIES = st.sampled_from(["EUR", "EUR", "JPY", None])


@st.composite
def sales(draw: st.DrawFn) -> list[Sale]:
    drawn = []
    for number in range(draw(st.integers(1, 5))):
        event_id, lead_id = f"v{number}", draw(st.sampled_from(["l", "l", "k", "nobody"]))
        value = draw(st.integers(0, 300))
        drawn.append(Sale(event_id, lead_id, draw(LATER), False, event_id, draw(CURRENCIES), value, 0))
        for part in range(draw(st.integers(0, 2))):
            back = draw(st.integers(1, 100))
            drawn.append(Sale(f"r{number}{part}", lead_id, draw(LATER), True, event_id, draw(CURRENCIES), 0, back))
    return drawn


class Attribution:
    """The model over made-up tables."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        for table, columns in TABLES.items():
            self._connection.execute(f"create schema if not exists {table.partition('.')[0]}")
            self._connection.execute(f"create table {table} ({columns})")
        moved, sales = relation_of("int_moved_sales"), relation_of("sales")
        self._connection.execute(f"create view {moved} as select event_id from {sales}")
        self._connection.execute(view_of("sales_attribution"))

    def of(self, sold: list[Sale], touches: list[Touch], windows: Windows) -> list[dict[str, object]]:
        rows = dict(zip(TABLES, ([windows], sold, touches), strict=True))
        for table, given_rows in rows.items():
            columns = self._connection.execute(
                "select column_name, data_type from duckdb_columns() where schema_name || '.' || table_name = ?",
                [table],
            ).fetchall()
            self._connection.execute(f"delete from {table}")
            self._connection.execute(
                f"insert into {table} by name select unnest(from_json(?, ?), recursive := true)",
                [json.dumps([asdict(one) for one in given_rows], default=str), json.dumps([dict(columns)])],
            )
        result = self._connection.execute(f"select * from {relation_of('sales_attribution')}")
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.fixture(scope="module")
def attribution() -> Attribution:
    return Attribution()


@settings(
    max_examples=20 * int(os.environ.get("PROPERTY_EXAMPLES", "6")),
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[
        phase for phase in Phase if phase is not Phase.explain and not (phase is Phase.shrink and "CI" in os.environ)
    ],
)
@given(sold=sales(), touches=TOUCHES, windows=WINDOWS)
def test_credits_are_those_of_the_definitions_and_add_up(
    attribution: Attribution, sold: list[Sale], touches: list[Touch], windows: Windows
) -> None:
    rows = attribution.of(sold, touches, windows)
    got: dict[tuple[str, str], Credits] = defaultdict(dict)
    money: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for row in rows:
        key = (row["event_id"], row["model"])
        assert row["message_id"] not in got[key], row
        got[key][row["message_id"]] = row["credit"]
        for place, column in enumerate(("revenue", "gross_revenue", "refunds", "net_revenue")):
            money[key][place] += row[column]
    orders = [one for one in sold if not one.is_refund]
    assert set(got) == {(one.event_id, model) for one in orders for model in MODELS}
    for one in orders:
        back = sum(
            other.refunds
            for other in sold
            if other.is_refund and other.order_id == one.event_id and other.currency == one.currency
        )
        for model, expected in credits_of(one, touches, windows).items():
            key = (one.event_id, model)
            assert got[key] == pytest.approx(expected), key
            assert sum(got[key].values()) == pytest.approx(1), key
            assert money[key] == pytest.approx([one.gross_revenue, one.gross_revenue, back, one.gross_revenue - back])
    for row in rows:
        assert (row["touch"] == "none") == (row["message_id"] is None)
        assert row["currency"] == next(one.currency for one in orders if one.event_id == row["event_id"])

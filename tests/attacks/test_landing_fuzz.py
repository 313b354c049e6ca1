"""Rows of all kinds and formats, made up: whatever is landed, the load ends, accounts for every row, and goes on.

Names, values, nesting and encodings are hypothesis'. A row that can be taken lies behind each made-up one, and must be.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing.conftest import Landing

from dagster_drips.vocabulary import ENGAGEMENT_TYPES, LANDING_KINDS

from .landing_folder import landing_in

pytestmark = pytest.mark.slow

EXAMPLES = 12
"""Of each test and kind; a thousand were tried once."""
SOUND = {
    "leads": {"lead_id": "sound", "created_at": "2026-01-01"},
    "events": {"event_id": "sound", "lead_id": "L", "event": "x", "occurred_at": "2026-01-01"},
    "suppressions": {"email": "sound@x.example", "reason": "manual"},
    "engagement": {"engagement_id": "sound", "message_id": "m", "type": "opened", "occurred_at": "2026-01-01"},
}
KNOWN = (
    "lead_id", "created_at", "updated_at", "email", "tags", "changed_fields", "timezone", "event_id", "event",
    "occurred_at", "received_at", "properties", "value", "currency", "reason", "topic", "message_id", "type",
    "engagement_id", "detail", "bounce_class", "seats", "score", "renewal", "seen_at", "is_vip",
)  # fmt: skip
TYPES = {"seats": "integer", "score": "number", "renewal": "date", "seen_at": "timestamp", "is_vip": "boolean"}

texts = st.text(max_size=20) | st.sampled_from(
    [*ENGAGEMENT_TYPES, "", " ", "\x00", "a;b", "2026-01-01", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999-23:59",
     "0001-01-01T00:00:00+23:59", "1e999999999", "-0", "0e9", "nan", "inf", "[]", "{}", '{"a":1.50}', "null", "true",
     "NaN", "\ufeff", "\r", "a\nb", '"', "''", "99999999999999.99995", "=1+1"]
)  # fmt: skip
numbers = st.integers() | st.floats() | st.integers(2**62, 2**66) | st.sampled_from([10**30, -(10**400), 1e308, -0.0])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(KNOWN) | st.text(max_size=12) | st.sampled_from(["_drips_x", "_load", "a\x00b", "x" * 201])
rows = st.lists(st.dictionaries(names, values, max_size=8), max_size=5)

PARQUET_CELLS = (
    ["x", None], [1, 2**40], [0.5, float("inf")], [True, None], [b"\xff", b"a"], [[1, 2], []], [{"a": 1}, None],
    [["a", None], ["b"]], [None, None], ["\x00", "\u202e"],
)  # fmt: skip


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landing]:
    """One for all examples: what one brings in, the next ones find."""
    with landing_in(tmp_path_factory.mktemp("fuzz")) as folder:
        yield folder


def land(landing: Landing, kind: str, ending: str, content: bytes) -> tuple[int, int]:
    """Land a file and load it; returns how many rows were taken, and how many were accounted for."""
    number = sum(1 for _ in landing.path(kind).iterdir())
    landing.path(f"{kind}/{number:06}{ending}").write_bytes(content)
    report = landing.load(kinds=[kind], fields=TYPES)[kind]
    whole = landing.warehouse.rows(
        "select rows + rejected + duplicates as n from raw.loaded_files where path = ?", [f"{kind}/{number:06}{ending}"]
    )
    if not whole:
        # Not what its ending says, or nothing that can be read: told as a whole.
        assert landing.warehouse.value(
            "select count(*) from raw.rejected_rows where file = ? and line = 0", [f"{number:06}{ending}"]
        )
        return 0, 0
    assert not [reason for reason in landing.reasons() if "are refused" in reason]
    return report.rows, whole[0]["n"]


def unique(kind: str, number: int) -> dict[str, Any]:
    """The sound row of the kind, as none before it."""
    key = {"leads": "lead_id", "events": "event_id", "suppressions": "email", "engagement": "engagement_id"}[kind]
    return SOUND[kind] | {key: f"{SOUND[kind][key]}{number}"}


def fuzzed(function):
    return settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )(function)


@pytest.mark.parametrize("kind", LANDING_KINDS)
@fuzzed
@given(made_up=rows, packed=st.booleans())
def test_json_lines(landing, kind, made_up, packed):
    sound = unique(kind, sum(1 for _ in landing.path(kind).iterdir()))
    lines = [json.dumps(row) for row in (*made_up, sound)]
    content = ("\n".join(lines) + "\n").encode()
    taken, accounted = land(
        landing, kind, ".jsonl.gz" if packed else ".jsonl", gzip.compress(content) if packed else content
    )
    assert taken >= 1
    assert accounted >= len(lines)


@pytest.mark.parametrize("kind", LANDING_KINDS)
@fuzzed
@given(header=st.lists(names, max_size=6, unique=True), made_up=st.lists(st.lists(texts, max_size=8), max_size=5))
def test_csv(landing, kind, header, made_up):
    sound = unique(kind, sum(1 for _ in landing.path(kind).iterdir()))
    columns = [*sound, *(name for name in header if name.strip() not in sound)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([columns, *made_up, list(sound.values())])
    taken, _ = land(landing, kind, ".csv", buffer.getvalue().encode())
    header_is_sound = len({name.strip() for name in columns}) == len(columns) and "\x00" not in "".join(columns)
    assert taken >= header_is_sound


@pytest.mark.parametrize("kind", LANDING_KINDS)
@fuzzed
@given(content=st.binary(max_size=300), ending=st.sampled_from([".csv", ".jsonl"]))
def test_bytes(landing, kind, content, ending):
    sound = json.dumps(unique(kind, sum(1 for _ in landing.path(kind).iterdir()))).encode()
    taken, accounted = land(landing, kind, ending, content + b"\n" + sound + b"\n")
    # What begins like UTF-16 or a packed file is read as such, or refused as a whole.
    assert taken >= (ending == ".jsonl" and accounted > 0 and not content.startswith((b"\xff\xfe", b"\xfe\xff")))


@pytest.mark.parametrize("kind", LANDING_KINDS)
@fuzzed
@given(
    made_up=st.dictionaries(
        st.sampled_from(KNOWN) | st.text(min_size=1, max_size=12), st.sampled_from(PARQUET_CELLS), max_size=6
    )
)
def test_parquet(landing, kind, made_up, tmp_path_factory):
    sound = unique(kind, sum(1 for _ in landing.path(kind).iterdir()))
    frame = pl.DataFrame({name: [f"{value}", value] for name, value in sound.items()})
    others = [pl.Series(name, values, strict=False) for name, values in made_up.items() if name not in sound]
    file: Path = tmp_path_factory.mktemp("parquet") / "1.parquet"
    frame.with_columns(others).write_parquet(file)
    _, accounted = land(landing, kind, ".parquet", file.read_bytes())
    assert accounted == 2

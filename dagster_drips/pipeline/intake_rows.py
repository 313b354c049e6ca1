"""Rows of an intake model that have changed since they were landed, as files of the landing zone.

A row is known by the digests of its key and of its content, in `raw.intake_rows`; and that table is made from nothing
but the files that were landed, so that a tick that died between landing and noting, an erased person and a warehouse
that was made again are no cases of their own. Here belong comparing, landing and noting; which models there are, and
who makes them, is `intake`'s.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from string import Template

from dagster_drips.files import sync
from dagster_drips.landing.columns import known_name, missing_columns_problem, names_told
from dagster_drips.landing.files import loose_files
from dagster_drips.landing.intake_names import PART, is_intake, is_of_absent, next_name
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDED_COLUMNS, LANDING_KINDS
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_KEYS = {"leads": "lead_id", "events": "event_id", "engagement": "engagement_id"}
_OF_ITSELF = ("engagement", "suppressions")
"""Kinds in which a row that says the same twice is one row: no key of theirs must be there, or be another each time."""
_FORGOTTEN_BY = {"leads": ("lead_id", "email"), "events": ("lead_id",), "suppressions": ("email",), "engagement": ()}
_PLAIN = frozenset(
    {
        *("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "DOUBLE", "FLOAT", "BLOB"),
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    }
)
"""Types that a Parquet file gives back as they were; others are landed as text."""


class IntakeFailed(Exception):
    """A model of which nothing is landed; the text says why, in one line, and `example` is a key where there is one."""

    def __init__(self, reason: str, example: str = ""):
        self.example = example
        super().__init__(reason)


class Columns:
    """The columns of a model's relation, or of what it has landed, and expressions over them.

    Args:
        kind: of the rows.
        types: DuckDB's by name.
    """

    def __init__(self, kind: str, types: Mapping[str, str]):
        self.kind = kind
        named = {known_name(kind, name) or name: name for name in types}
        if kind == "suppressions":  # what else stands in a list is of no use to anybody
            named = {known: name for known, name in named.items() if known in LANDED_COLUMNS[kind]}
        self._named = named
        self._types = types

    def named(self, known: str) -> str | None:
        """A known column as it is called here, quoted; None: it is not there."""
        return quoted_name(self._named[known]) if known in self._named else None

    @property
    def landed(self) -> str:
        """All of them, each of a type that a Parquet file gives back."""
        return ", ".join(
            f"{_landed(f'model.{quoted_name(name)}', self._types[name])} as {quoted_name(name)}"
            for name in self._named.values()
        )

    def key(self, as_of: str) -> str:
        """The digest of what a row is known by."""
        column = self.named(_KEYS[self.kind]) if self.kind in _KEYS else None
        own = f"cast(md5(cast({column} as varchar)) as uuid)" if column else ""
        if self.kind not in _OF_ITSELF:
            return own
        content = self.digest(as_of)
        if self.kind == "suppressions":
            return f"case when {self.named('email')} is not null then {content} end"
        return f"coalesce({own}, {content})" if own else content

    @property
    def is_own_key(self) -> str:
        """Whether a row is known by a key that it has been given, and not by what it says."""
        if self.kind == "suppressions":
            return "false"
        column = self.named(_KEYS[self.kind])
        return f"keyed.{column} is not null" if column else "false"

    def digest(self, as_of: str) -> str:
        """The digest of a row's content: of every column that has a value, so that a new one without any is no change.

        Args:
            as_of: the tick's; a time of that tick which it has stamped is no content.
        """
        parts = []
        for known in sorted(self._named, key=str.lower):
            column, is_nested = quoted_name(self._named[known]), _is_nested(self._types[self._named[known]])
            text = f"cast({f'to_json({column})' if is_nested else column} as varchar)"
            if self.kind == "leads" and known == "updated_at":
                text = f"nullif({text}, cast({self._stamp(as_of)} as varchar))"
            parts.append(f"{quoted_text(f'{known.lower()}=')} || {text}")
        return f"cast(md5(concat_ws(chr(30), {', '.join(parts)})) as uuid)"

    def fields(self, as_of: str) -> str:
        """A row as it is landed; a lead without an `updated_at` of its own is as of this tick (T2)."""
        given = {name: quoted_name(name) for name in self._named.values()}
        if self.kind == "leads":
            name = self._named.get("updated_at", "updated_at")
            own = given.get(name, "null")
            own = own if self._stamps_times else f"cast({own} as varchar)"
            given[name] = f"coalesce({own}, {self._stamp(as_of)})"
        return ", ".join(f"{quoted_name(name)} := {expression}" for name, expression in given.items())

    def _stamp(self, as_of: str) -> str:
        """The tick's instant, or when the lead is made, where that is later; as the model writes its times."""
        created_at = f"try_cast({self.named('created_at')} as timestamp)"
        stamp = f"greatest(cast({as_of} as timestamp), {created_at})"
        return stamp if self._stamps_times else f"strftime({stamp}, '%Y-%m-%dT%H:%M:%SZ')"

    @property
    def _stamps_times(self) -> bool:
        name = self._named.get("updated_at")
        return name is None or _as_landed(self._types[name]) == "TIMESTAMP"


def columns_of(warehouse: Warehouse, kind: str, relation: str) -> Columns:
    """The columns of a model.

    Raises:
        IntakeFailed: it lacks one that every row must have.
    """
    types = {row["column_name"]: row["column_type"] for row in warehouse.rows(f"describe {relation}")}
    if problem := missing_columns_problem(kind, types):
        raise IntakeFailed(f"{problem}; {names_told(types)}")
    return Columns(kind, types)


def compare(warehouse: Warehouse, kind: str, relation: str, as_of: datetime) -> tuple[Columns, str | None]:
    """Find what is news in a model, as `intake_seen`.

    Returns:
        The model's columns, and what is wrong with rows that stay behind though the others are landed.

    Raises:
        IntakeFailed: a column is missing, a row has no key, or two have one.
        duckdb.Error: it can't be read.
    """
    columns = columns_of(warehouse, kind, relation)
    digest = "keyed._drips_digest is distinct from known.digest"
    see = Template(_STATEMENTS["see"]).safe_substitute(
        columns=columns.landed,
        relation=relation,
        key=columns.key("$as_of"),
        digest=columns.digest("$as_of"),
        is_own=columns.is_own_key,
        is_news=f"known.key is null or {digest}" if kind == "leads" else "known.key is null",
        fields=columns.fields("$as_of"),
    )
    given = {"kind": kind, "as_of": as_of}
    warehouse.execute(see, {name: value for name, value in given.items() if f"${name}" in see})
    counts = warehouse.rows(_STATEMENTS["counts"])[0]
    key = _KEYS.get(kind, "email")
    told = f"{_rows(counts['without_key'])} without {key}" if counts["without_key"] else None
    if told and kind != "suppressions":
        raise IntakeFailed(told)
    if named := columns.named(key) if kind in _KEYS else None:
        _refuse_repeated(warehouse, relation, key, named)
    return columns, told and f"{told}; the others are landed"


def _refuse_repeated(warehouse: Warehouse, relation: str, key: str, named: str) -> None:
    repeated = warehouse.rows(_STATEMENTS["repeated"])[0]
    if not repeated["keys"]:
        return
    first = warehouse.value(Template(_STATEMENTS["repeated_key"]).safe_substitute(name=named, relation=relation))
    told = f"{repeated['rows']} rows of one {key}"
    if repeated["keys"] > 1:
        told = f"{repeated['keys']} values of {key} stand in several rows each"
    raise IntakeFailed(told, str(first))


def land_news(project: Project, warehouse: Warehouse, kind: str, columns: Columns, as_of: datetime) -> int:
    """Land what `compare` found, as one file; returns how many rows. Without any there is no file."""
    warehouse.execute(_STATEMENTS["take_news"])
    if warehouse.value(_STATEMENTS["somebody_is_forgotten"]):
        for known in _FORGOTTEN_BY[kind]:
            _leave_out_forgotten(warehouse, columns, known)
    count = warehouse.value(_STATEMENTS["news"])
    if count:
        name = next_name(as_of, loose_files(project, kind).names)
        _write(project, warehouse, kind, name, Template(_STATEMENTS["write_news"]))
    return count


def _leave_out_forgotten(warehouse: Warehouse, columns: Columns, known: str) -> None:
    named = columns.named(known)
    if named is None:
        return
    is_address = known == "email"
    value = Template(_STATEMENTS["address"]).safe_substitute(email=named) if is_address else f"cast({named} as varchar)"
    statement = Template(_STATEMENTS["leave_out"]).safe_substitute(value=value)
    warehouse.execute(statement, {"kind": "address" if is_address else "lead"})


def find_gone(warehouse: Warehouse) -> tuple[int, int]:
    """Find leads that are in their model no more, after `compare`, as `intake_gone`: how many, and of how many."""
    warehouse.execute(_STATEMENTS["gone"])
    counts = warehouse.rows(_STATEMENTS["gone_counts"])[0]
    return counts["gone"], counts["known"]


def land_gone(project: Project, warehouse: Warehouse, as_of: datetime, absent: str) -> int:
    """Land a suppression for the address of each of `intake_gone`; returns how many."""
    count = warehouse.value(_STATEMENTS["with_address"])
    if count:
        name = next_name(as_of, loose_files(project, "suppressions").names, absent=True)
        statement = Template(_STATEMENTS["write_gone"])
        told = {"as_of": quoted_text(as_of.isoformat()), "absent": quoted_text(absent)}
        _write(project, warehouse, "suppressions", name, Template(statement.safe_substitute(told)))
    warehouse.execute(_STATEMENTS["note_gone"])
    return count


def let_go(warehouse: Warehouse) -> None:
    """Drop what was found in a model."""
    for statement in ("close", "close_news", "close_gone"):
        warehouse.execute(_STATEMENTS[statement])


def _write(project: Project, warehouse: Warehouse, kind: str, name: str, statement: Template) -> None:
    """Write a landing file whole or not at all; it is on disk for good when this returns."""
    folder = project.landing / kind
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{name}{PART}"
    warehouse.execute(statement.safe_substitute(file=quoted_text(str(scratch))))
    sync(scratch)
    os.replace(scratch, folder / name)  # noqa: PTH105 - as one call
    sync(folder)


def has_landed(project: Project) -> bool:
    """Whether intake has ever landed a file that is there."""
    return any(is_intake(name) for kind in LANDING_KINDS for name in loose_files(project, kind).names)


def note_landed(project: Project, warehouse: Warehouse) -> None:
    """Make `raw.intake_rows` know what lies in landed files that it was not made from yet."""
    known = {row["path"] for row in warehouse.rows(_STATEMENTS["noted_files"])}
    new: dict[str, list[tuple[str, str]]] = {}
    for folder in LANDING_KINDS:
        for name in sorted(filter(is_intake, loose_files(project, folder).names)):
            if f"{folder}/{name}" not in known:
                new.setdefault("leads" if is_of_absent(name) else folder, []).append((folder, name))
    for kind, files in new.items():
        _note(project, warehouse, kind, files)


def _note(project: Project, warehouse: Warehouse, kind: str, files: Sequence[tuple[str, str]]) -> None:
    warehouse.execute(_STATEMENTS["begin_noting"])
    for (folder, is_absent), some in groupby(files, key=lambda file: (file[0], is_of_absent(file[1]))):
        places = {name: project.landing / folder / name for _, name in some}
        shapes: dict[str, list[Path]] = {}
        for row in warehouse.rows(
            Template(_STATEMENTS["shapes"]).safe_substitute(files=_listed(list(places.values())))
        ):
            shapes.setdefault(row["shape"], []).append(places[row["name"]])
        for alike in shapes.values():
            relation = f"read_parquet({_listed(alike[:1])})"
            types = {
                row["column_name"]: row["column_type"] for row in warehouse.rows(f"describe select * from {relation}")
            }
            columns = Columns(kind, types)
            statement = Template(_STATEMENTS["note"]).safe_substitute(
                columns=columns.landed,
                files=_listed(alike),
                key=columns.key("_drips_as_of"),
                digest="cast(null as uuid)" if is_absent else columns.digest("_drips_as_of"),
            )
            warehouse.execute(statement)
    with warehouse.transaction():
        for name in ("forget_noted", "keep_noted"):
            warehouse.execute(_STATEMENTS[name], {"kind": kind})
        warehouse.append_rows("raw.intake_files", [{"path": f"{folder}/{name}"} for folder, name in files])
    warehouse.execute(_STATEMENTS["end_noting"])


def _listed(files: Sequence[Path]) -> str:
    """A list of files, in whose names nothing stands for others."""
    return f"[{', '.join(quoted_text(_escaped(str(file))) for file in files)}]"


def _escaped(path: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _is_nested(sql_type: str) -> bool:
    return sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP"))


def _as_landed(sql_type: str) -> str:
    if sql_type.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    if sql_type.endswith("HUGEINT"):  # as sums are
        return "BIGINT"
    return sql_type if sql_type in _PLAIN or sql_type.startswith("DECIMAL") or _is_nested(sql_type) else "VARCHAR"


def _landed(column: str, sql_type: str) -> str:
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({column}))"
    landed = _as_landed(sql_type)
    return column if landed == sql_type else f"cast({column} as {landed})"

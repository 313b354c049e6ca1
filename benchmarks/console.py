"""Each page of the console over a million messages, first look and second.

From a demo's published set (`drips demo --dir drips-demo`) it makes one that is as many times larger as it takes: every
person with all that is of them again and again, under other ids, over half a year. Aggregated marts keep their grain.

What it measures is the page's script by Streamlit's own AppTest: questions, charts and tables, without a browser. The
first look has no answer kept; the second has. `python benchmarks/console.py drips-demo [--messages 1000000]`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from string import Template

import streamlit as st
from streamlit.testing.v1 import AppTest

from dagster_drips.console.app import PAGES
from dagster_drips.pipeline.publish import DATABASE, MANIFEST
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
ROUNDS, WEEKS = 3, 26
FEWER = {"events": 4}
"""A demo's people are busier than most: of these tables only one copy in so many."""


def enlarge(source: Path, target: Path, messages: int) -> dict[str, int]:
    """Write a database like `source` with that many messages; how many rows some of its tables have."""
    with open_warehouse(source, read_only=True) as warehouse:
        there = warehouse.value("select count(*) from marts.messages")
    copies = -(-messages // there)
    target.unlink(missing_ok=True)
    with open_warehouse(target, prepared=True) as warehouse:
        warehouse.execute(filled("attach", source=quoted_text(str(source))))
        for table in warehouse.rows(STATEMENTS["tables"]):
            name = table["table_name"]
            times = max(1, copies // FEWER.get(name, 1)) if table["is_multiplied"] else 1
            write(warehouse, table["table_schema"], name, times)
        views = [row["sql"] for row in warehouse.rows(STATEMENTS["views"])]
        warehouse.execute("detach published")
        for view in views:
            warehouse.execute(view)
        warehouse.checkpoint()
        return warehouse.rows(STATEMENTS["counts"])[0]


def filled(name: str, **parts: object) -> str:
    return Template(STATEMENTS[name]).substitute(**parts)


def write(warehouse: Warehouse, schema: str, name: str, copies: int) -> None:
    table = f"{quoted_name(schema)}.{quoted_name(name)}"
    warehouse.execute(filled("schema", schema=quoted_name(schema)))
    if copies == 1:
        warehouse.execute(filled("copied", table=table))
    elif name.startswith("deliverability"):
        warehouse.execute(filled("domains", table=table, copies=copies))
    else:
        keys = [row["column_name"] for row in warehouse.rows(STATEMENTS["keys"], [schema, name])]
        times = [row["column_name"] for row in warehouse.rows(STATEMENTS["times"], [schema, name])]
        replaced = [f"{quoted_name(key)} || '-' || copy as {quoted_name(key)}" for key in keys]
        replaced += [f"{quoted_name(time)} - to_days(7 * (copy % {WEEKS})) as {quoted_name(time)}" for time in times]
        warehouse.execute(filled("multiplied", table=table, copies=copies, keys=", ".join(replaced)))


def project_of(demo: Project, folder: Path, messages: int) -> tuple[Project, dict[str, int]]:
    """The demo's files with a larger published set."""
    for part in (demo.sequences, demo.dbt):
        shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    published = folder / "data" / "published" / "current"
    published.mkdir(parents=True)
    current = demo.published_set.resolve()
    for name in ("status.duckdb", MANIFEST):
        shutil.copy(current / name, published / name)
    counts = enlarge(current / DATABASE, published / DATABASE, messages)
    (published / MANIFEST).write_text(json.dumps(json.loads((current / MANIFEST).read_text()) | {"version": "large"}))
    return Project.at(folder), counts


def shown(name: str, root: str) -> None:
    """Runs inside of AppTest, which takes its text: what it needs, it imports."""
    from pathlib import Path

    from dagster_drips.console.app import show

    show(name, Path(root))


def seconds(name: str, project: Project, section: str | None = None) -> tuple[float, float, float]:
    """Of a first look, by the clock and of CPU, and the median of some later ones by the clock."""
    st.cache_data.clear()
    st.cache_resource.clear()
    page = AppTest.from_function(shown, kwargs={"name": name, "root": str(project.root)}, default_timeout=120)
    if section:
        page.session_state["section"] = section
    times, used = [], time.process_time()
    for number in range(1 + ROUNDS):
        started = time.perf_counter()
        page.run()
        times.append(time.perf_counter() - started)
        if number == 0:
            used = time.process_time() - used
        assert not page.exception, page.exception
    return times[0], used, statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--messages", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drips-console-") as folder:
        project, counts = project_of(Project.at(given.demo), Path(folder), given.messages)
        print(", ".join(f"{rows:,} {name.replace('_', ' ')}" for name, rows in counts.items()))
        seconds("overview", project)  # what Python imports once is not the page's
        print(f"{'page':<32}{'first look':>12}{'of CPU':>10}{'second':>10}")
        for name, section in (*((name, None) for name in PAGES), ("people", "Why, and what is next")):
            first, used, second = seconds(name, project, section)
            told = f"{name}: {section}" if section else name
            print(f"{told:<32}{first:>10.2f} s{used:>8.2f} s{second:>8.2f} s", flush=True)


if __name__ == "__main__":
    main()

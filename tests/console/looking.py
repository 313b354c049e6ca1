"""Pages of the console looked at without a browser, and published sets to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import streamlit as st
import yaml
from conftest import REPOSITORY
from streamlit.testing.v1 import AppTest

from dagster_drips.pipeline.publish import DATABASE, MANIFEST
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.quoting import quoted_name

MARTS = REPOSITORY / "dagster_drips" / "dbt_package" / "models" / "marts"
BESIDE = """\
create schema raw; create schema decide;
create table raw.tick as select timestamp '2026-03-02' as as_of;
create table raw.sequence_steps (sequence_id varchar, step_id varchar, position integer, delay_seconds bigint,
    after_trigger boolean, expires_after_seconds bigint, rollout double);
create table raw.step_conditions (sequence_id varchar, step_id varchar, polarity varchar, kind varchar, value varchar);
create table decide.live_sequences (sequence_id varchar, opens_at timestamp, file_state varchar);
"""
SEQUENCE = """\
name: Cart
sender: {name: Ada, email: ada@acme.example}
trigger: {event: cart}
steps:
  - id: first
    subject: "Your {{ event.properties.product | default('cart') }}"
    preview_text: "For {{ lead.first_name }}"
    template: first.html
  - id: second
    variants:
      - {id: a, subject: A, template: second.html}
      - {id: b, subject: "B {{ lead.plan | default('free') }}", template: second.html}
"""
TESTS = """\
tests:
  - name: a cart
    start: 2026-03-02T09:00:00Z
    given:
      leads: [{lead_id: L1, email: a@acme.example}]
      events: [{lead_id: L1, event: cart, occurred_at: +1m, properties: {product: Lamp}}]
    expect: {mails: []}
"""


def small_project(folder: Path) -> Project:
    """A sequence with two steps, and no data."""
    (folder / "dbt_project" / "models" / "segments").mkdir(parents=True)
    cart = folder / "sequences" / "cart"
    cart.mkdir(parents=True)
    (cart / "sequence.yml").write_text(SEQUENCE)
    (cart / "tests.yml").write_text(TESTS)
    (cart / "first.html").write_text("<h1>Hi {{ lead.first_name }}</h1><a href='https://acme.example/cart'>cart</a>")
    (cart / "second.html").write_text("<p>second</p>")
    (folder / "sequences" / "project.yml").write_text("fields: {plan: text}\n")
    return Project.at(folder)


def contracts() -> Iterator[tuple[str, dict[str, str]]]:
    """Every mart with its columns and their types."""
    for file in sorted(MARTS.glob("*.yml")):
        for model in (yaml.safe_load(file.read_text()) or {}).get("models", ()):
            if columns := {column["name"]: column.get("data_type", "varchar") for column in model.get("columns", ())}:
                yield model["name"], columns


def publish_nothing(project: Project, version: str = "20260302T000000.000000Z") -> Path:
    """A published set with every mart and no row; returns its database."""
    folder = project.published / "versions" / version
    folder.mkdir(parents=True)
    with open_warehouse(folder / DATABASE, prepared=True) as warehouse:
        warehouse.execute("create schema marts")
        for name, columns in contracts():
            told = ", ".join(f"{quoted_name(column)} {kind}" for column, kind in columns.items())
            warehouse.execute(f"create table marts.{quoted_name(name)} ({told})")
        warehouse.execute(BESIDE)
    manifest = {"version": version, "as_of": "2026-03-02T00:00:00Z", "tables": {}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    project.published_set.unlink(missing_ok=True)
    project.published_set.symlink_to(f"versions/{version}")
    return folder / DATABASE


def looked_at(page: str, project: Project, *, can_edit: bool = False, plan: Path | None = None) -> AppTest:
    """A page as its first look shows it."""
    st.cache_data.clear()
    st.cache_resource.clear()
    given = {"page": page, "root": str(project.root), "can_edit": can_edit, "plan": str(plan) if plan else None}
    return AppTest.from_function(_look, kwargs=given, default_timeout=120).run()


def _look(page: str, root: str, can_edit: bool, plan: str | None) -> None:
    # AppTest takes the text of this function, so it imports what it needs.
    from pathlib import Path

    from dagster_drips.console.app import show

    show(page, Path(root), plan_file=Path(plan) if plan else None, can_edit=can_edit)


def words(page: AppTest) -> str:
    """Everything that is written on a page, but in tables and charts."""
    shown = (page.title, page.subheader, page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return "\n".join(str(element.value) for elements in shown for element in elements)


def complaints(page: AppTest) -> list[str]:
    """What no page should show: exceptions and errors."""
    return [str(element.value) for element in (*page.exception, *page.error)]

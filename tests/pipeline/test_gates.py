"""Gates (G1) in real ticks: a data test that fails holds whom it should, lets go by itself, and can be waived."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401  (registers them)
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.errors import DripsError
from dagster_drips.explain.asking import ask
from dagster_drips.pipeline.data_tests import failed_gates, gate_lineage, gate_names
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.replay import Span, replayed
from dagster_drips.pipeline.tick import Pipeline, TickReport
from dagster_drips.pipeline.waivers import Waiver, give_waiver, read_waivers, waivers_file
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
UNIQUE = "unique_vips_lead_id"
PAGE = (REPOSITORY / "docs" / "gates.md").read_text(encoding="utf-8")
COMMAND = shlex.split(re.search(r"^drips (waive .*)$", PAGE, re.MULTILINE)[1])  # ty: ignore[not-subscriptable]
REST = ("--until", "2040-01-01", "--why", "  known \n since Monday")
WAIVED = f"letters goes on in spite of {UNIQUE} at ticks before 2040-01-01T00:00:00Z\n"
SEQUENCE = """
status: active
active_from: {active_from}
sender: {{name: Ada, email: ada@acme.example}}
trigger: {trigger}
{more}
steps:
  - {{id: hello, subject: Hello, template: mail.html}}
  - {{id: again, delay: {{minutes: 30}}, subject: Again, template: mail.html}}
"""
SEQUENCES = {
    "letters": ("{event: lead_created}", "segments: {include: [vips]}\nexit_on: {leaves_segments: true}"),
    "entering": ("{segment_entered: vips}", ""),
    "everybody": ("{event: lead_created}", ""),
    "capped": ("{event: lead_created}", "gates: {max_new_enrollments: 2}"),
}
FILES = {
    "models/segments/vips.sql": """
select lead_id from {{ ref('stg_leads') }} where {{ has_tag('vip') }}
union all
select lead_id from {{ ref('stg_leads') }} where {{ has_tag('twice') }}
""",
    "models/segments/buyers.sql": "select lead_id from {{ ref('stg_orders') }}\n",
    "models/segments/best_buyers.sql": "select lead_id from {{ ref('buyers') }}\n",
    "models/segments/_segments.yml": re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0],
    "models/segments/_buyers.yml": """
version: 2
models:
  - name: buyers
    columns:
      - name: lead_id
        data_tests:
          - relationships: {arguments: {to: ref('stg_leads'), field: lead_id}}
""",
    "models/staging/stg_orders.sql": "select lead_id from {{ ref('stg_events') }} where event = 'order'\n",
    "models/staging/_orders.yml": """
version: 2
models: [{name: stg_orders, columns: [{name: lead_id, data_tests: [not_null]}]}]
""",
    "tests/assert_orders_are_of_leads.sql": """
select orders.lead_id from {{ ref('stg_orders') }} as orders
anti join {{ ref('stg_leads') }} as leads on orders.lead_id = leads.lead_id
""",
    "tests/assert_vips_are_leads.sql": """
select vips.lead_id from {{ ref('vips') }} as vips
anti join {{ ref('stg_leads') }} as leads on vips.lead_id = leads.lead_id
""",
    "tests/assert_vips_have_enrollments.sql": """
select vips.lead_id from {{ ref('vips') }} as vips
left join {{ ref('enrollments') }} as enrollments on vips.lead_id = enrollments.lead_id
where enrollments.lead_id is null
""",
}


@dataclass
class World:
    """A project that lives tick by tick, its pipeline kept."""

    project: Project
    pipeline: Pipeline
    landed: int = 0
    tables: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    problems: dict[int, list[str]] = field(default_factory=dict)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def land(self, lead_id: str, minute: int, tags: str) -> None:
        self.landed += 1
        time = f"{at(minute - 1):%Y-%m-%dT%H:%M:%SZ}"
        row = {"lead_id": lead_id, "email": f"{lead_id}@x.example", "created_at": "2026-02-01", "tags": tags}
        file = self.project.landing / "leads" / f"{self.landed}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(row | {"updated_at": time, "created_at": time}) + "\n")

    def tick(self, minute: int) -> TickReport:
        with open_warehouse(self.project.warehouse) as warehouse:
            as_of = at(minute)
            report = self.pipeline.tick(warehouse, as_of, settings=None, measure=False)
            self.tables[minute] = {
                "gates": warehouse.rows("select * from decide.sequence_gates order by all"),
                "states": warehouse.rows("select * from decide.current_step_states order by all"),
                "sent": warehouse.rows(
                    "select sequence_id, lead_id, step_id from raw.delivery_log where as_of = ? order by all", [as_of]
                ),
                "exits": warehouse.rows("select * from decide.new_enrollment_closings"),
                "decisions": warehouse.rows("select * from decide.new_enrollment_decisions"),
            }
        self.problems[minute] = read_status(self.project).problems
        return report

    def decide(self, warehouse: Warehouse, minute: int) -> None:
        self.pipeline.begin(warehouse, at(minute))
        self.pipeline.load_sequences(warehouse)
        self.pipeline.load_landing(warehouse, ("leads",))
        self.pipeline.decide(warehouse)
        self.pipeline.commit_decisions(warehouse)

    def facts(self, warehouse: Warehouse) -> dict[str, Any]:
        tables = ("journal.sequence_gates", "journal.failed_tests")
        facts = {table: warehouse.rows(f"select * from {table} order by all") for table in tables}
        # A crowd that was waived is judged, and none any more.
        facts["holding"] = warehouse.rows("select * from decide.sequence_gates where is_holding order by all")
        judged = "select sequence_id, lead_id, decided_at from journal.enrollment_decisions order by all"
        return facts | {"judged": warehouse.rows(judged)}

    def sent(self, minute: int) -> set[str]:
        return {f"{row['sequence_id']} {row['lead_id']} {row['step_id']}" for row in self.tables[minute]["sent"]}

    def held(self, minute: int) -> set[tuple[str, str]]:
        return {(row["sequence_id"], row["gate"]) for row in self.tables[minute]["gates"] if row["is_holding"]}

    def waiting(self, minute: int) -> set[str]:
        rows = self.tables[minute]["states"]
        return {f"{row['sequence_id']} {row['lead_id']} {row['step_id']}" for row in rows if row["reason"] == "gate"}


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def made(root: Path) -> Project:
    sequences = root.with_name(f"{root.name}_sequences")
    for name, (trigger, more) in SEQUENCES.items():
        (sequences / name).mkdir(parents=True)
        (sequences / name / "sequence.yml").write_text(
            SEQUENCE.format(
                trigger=trigger, more=more, active_from="2026-03-01T03:30:00Z" if name == "capped" else "2026-01-01"
            )
        )
        (sequences / name / "mail.html").write_text("<html><body>Hello</body></html>")
    project = copy_project(root, sequences=sequences)
    shutil.rmtree(project.segments)
    for path, text in FILES.items():
        (project.dbt / path).parent.mkdir(exist_ok=True)
        (project.dbt / path).write_text(text)
    return project


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ticks at minutes 0 to 180: B breaks the segment at 60, `letters` is waived for 90, it is mended for 180."""
    project = made(tmp_path_factory.mktemp("gates") / "project")
    world = World(project, Pipeline.of(project))
    world.land("A", 0, "vip")
    world.tick(0)
    world.land("B", 60, "vip;twice")
    world.tick(60)
    give_waiver(project, Waiver(UNIQUE, "letters", at(100), "known", "ada", datetime(2026, 3, 1)))
    world.land("C", 90, "vip")
    world.tick(90)
    world.land("D", 120, "vip")
    world.tick(120)
    world.land("B", 180, "no more")
    world.tick(180)
    world.land("E", 240, "vip;twice")
    world.tick(240)
    assert drips(project, *COMMAND) == (0, WAIVED, "")
    for lead_id in ("F", "G", "H"):
        world.land(lead_id, 245, "")
    world.tick(245)
    assert drips(project, "waive", "max_new_enrollments", "--sequence", "capped", *REST)[0] == 0
    with open_warehouse(project.warehouse) as warehouse:
        world.decide(warehouse, 300)
        world.kept["first"] = world.facts(warehouse)
        # The tick dies here, and the segment is mended before it is repeated.
        world.land("E", 300, "vip")
        world.decide(warehouse, 300)
        world.kept["repeated"] = world.facts(warehouse)
    give_waiver(project, Waiver(UNIQUE, "entering", datetime(2040, 1, 1), "later", "ada", datetime(2039, 1, 1)))
    [lead] = ask(project, "B", sequence="letters", at=at(120)).leads
    world.kept["explained"] = {one.step_id: one for one in lead.explanations}
    rebuild(project)
    with open_warehouse(project.warehouse) as warehouse:
        world.kept["rebuilt"] = world.facts(warehouse)
    return world


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)], env={"COLUMNS": "400"})
    return result.exit_code, result.stdout, result.stderr


def test_a_tick_without_a_failed_test_is_held_by_nothing(world: World) -> None:
    assert world.held(0) == set()
    assert world.sent(0) == {"letters A hello", "everybody A hello"}


def test_a_failed_test_holds_the_sequences_that_name_its_segment_and_no_others(world: World) -> None:
    assert world.held(60) == {("letters", UNIQUE), ("entering", UNIQUE)}
    assert world.sent(60) == {"everybody A again", "everybody B hello"}
    assert world.waiting(60) == {"letters A again"}
    assert {row["sequence_id"] for row in world.tables[60]["decisions"]} == {"everybody"}
    [reason] = {row["reason"] for row in world.tables[60]["gates"]}
    assert reason == f"data test {UNIQUE} on vips failed: Got 1 result, configured to fail if != 0"


def test_a_waiver_lets_one_sequence_go_until_it_ends(world: World) -> None:
    assert world.held(90) == {("entering", UNIQUE)}
    assert world.sent(90) == {
        "letters A again", "letters B hello", "letters C hello", "everybody B again", "everybody C hello",
    }  # fmt: skip
    assert world.held(120) == {("letters", UNIQUE), ("entering", UNIQUE)}
    assert world.sent(120) == {"everybody C again", "everybody D hello"}
    assert world.waiting(120) == {"letters B again", "letters C again"}


def test_it_lets_go_by_itself_and_whom_the_mistake_let_in_is_not_enrolled(world: World) -> None:
    assert world.held(180) == set()
    # B has left the segment: nobody is taken to have left before the tick that lets go.
    assert [row["exit_reason"] for minute in (60, 90, 120) for row in world.tables[minute]["exits"]] == []
    assert [row["exit_reason"] for row in world.tables[180]["exits"]] == ["left_segments"]
    entered = {name for name in world.sent(180) if name.startswith("entering")}
    assert entered == {"entering C hello", "entering D hello"}
    assert world.sent(180) - entered == {"letters C again", "letters D hello", "everybody D again"}


def test_lineage_says_which_segments_a_test_speaks_of(world: World) -> None:
    manifest = world.pipeline.transform.manifest()
    lineage = gate_lineage(manifest)

    def reached(test: str) -> list[str | None]:
        return [row["segment"] for row in lineage if row["test"].startswith(test)]

    assert reached(UNIQUE) == ["vips"]
    assert reached("not_null_stg_orders") == ["best_buyers", "buyers"]
    assert reached("relationships_buyers") == ["best_buyers", "buyers"]
    assert reached("assert_orders_are_of_leads") == [None]
    assert reached("assert_vips_are_leads") == ["vips"]
    assert reached("unique_stg_leads_lead_id") == [None]
    assert reached("not_null_vips") == []
    assert reached("assert_vips_have_enrollments") == []
    assert "unique_due_steps_message_id" not in gate_names(manifest)


def test_a_test_that_could_not_be_run_has_failed_and_one_that_warns_has_not(world: World) -> None:
    transform = world.pipeline.transform
    [unique_id] = {row["unique_id"] for row in gate_lineage(transform.manifest()) if row["test"] == UNIQUE}
    with open_warehouse(world.project.warehouse) as warehouse:
        for status, count in {"error": 1, "fail": 1, "warn": 0, "pass": 0}.items():
            result = NodeResult(unique_id, status, "can't read ada@x.example", 0.0, None)
            rows = failed_gates(transform, warehouse, [result])
            assert len(rows) == count
            # What the engine quotes of somebody's data is not kept for good.
            assert all(("ada" in row["reason"]) == (status == "fail") for row in rows)


def test_a_repetition_and_a_rebuild_have_what_held_whom_and_later_waivers_change_nothing(world: World) -> None:
    first = world.kept["first"]
    assert {row["sequence_id"] for row in first["holding"]} == {"entering"}
    kept = {(row["gate"], row["is_holding"]) for row in first["journal.sequence_gates"] if row["as_of"] == at(300)}
    assert kept == {(UNIQUE, True), (UNIQUE, False), ("max_new_enrollments", False)}
    assert first["journal.failed_tests"]
    assert world.kept["repeated"] == first
    assert world.kept["rebuilt"] == first


def test_more_than_may_enter_at_once_wait_whole_until_somebody_has_looked(world: World) -> None:
    assert {row["lead_id"] for row in world.tables[240]["decisions"] if row["sequence_id"] == "capped"} == {"E"}
    assert ("capped", "max_new_enrollments") in world.held(245)
    assert "capped E again" not in world.waiting(245)
    assert [row for row in world.tables[245]["decisions"] if row["sequence_id"] == "capped"] == []
    [problem] = [line for line in world.problems[245] if "sequence capped" in line]
    assert problem.startswith("sequence capped is held: 3 would enter at this tick, more than 2; ")
    judged = {row["lead_id"] for row in world.kept["first"]["judged"] if row["sequence_id"] == "capped"}
    assert judged == {"E", "F", "G", "H"}


def test_a_replay_takes_every_data_test_to_pass(world: World) -> None:
    held = at(60)
    with replayed(world.project, Span(held, held, timedelta(hours=1)), continued=True) as (warehouse, _):
        assert warehouse.rows("select * from decide.sequence_gates") == []
        sent = warehouse.rows(
            "select lead_id from raw.delivery_log where sequence_id = 'letters' and as_of = ?", [held]
        )
    assert {row["lead_id"] for row in sent} == {"B"}


def test_an_earlier_tick_is_explained_by_the_tests_and_waivers_of_then(world: World) -> None:
    again = world.kept["explained"]["again"]
    assert (again.state, again.reason, again.rule) == ("waiting", "gate", "G1")
    assert UNIQUE in again.text


def test_status_names_what_holds_and_what_is_waived(world: World) -> None:
    reason = f"data test {UNIQUE} on vips failed: Got 1 result, configured to fail if != 0"
    held = {
        name: f"sequence {name} is held: {reason}; `drips waive {UNIQUE} --sequence {name}` lets it go"
        for name in ("entering", "letters")
    }
    assert set(held.values()) <= set(world.problems[240])
    assert held["letters"] not in world.problems[245]
    [waived] = [line for line in world.problems[245] if "goes on though" in line]
    assert waived.startswith(f"sequence letters goes on though {reason}: waived until 2040-01-01T00:00:00Z by ")
    assert waived.endswith(", known since Monday")
    assert not [line for line in world.problems[180] if "sequence letters" in line]


def test_a_waiver_of_what_is_not_there_is_told_in_one_line(world: World) -> None:
    before = read_waivers(world.project)
    assert before[1].why == "known since Monday"
    for arguments, is_name, message in (
        (("unique_vip_lead_id", "--sequence", "letters", *REST), True, f"did you mean '{UNIQUE}'?"),
        ((UNIQUE, "--sequence", "leters", *REST), True, "did you mean 'letters'?"),
        (("assert_vips_have_enrollments", "--sequence", "letters", *REST), True, "there is no data test"),
        ((UNIQUE, "--sequence", "letters", "--until", "2026-01-01", *REST[2:]), False, "has passed"),
        ((UNIQUE, "--sequence", "letters", "--until", "noon", *REST[2:]), False, "not an instant"),
    ):
        code, out, err = drips(world.project, "waive", *arguments)
        assert (code, out) == (2, "")
        assert message in err
        assert not is_name or (err.startswith("error: ") and err.count("\n") == 1)
    assert read_waivers(world.project) == before


def test_a_broken_file_of_waivers_is_told_with_its_line(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project", "data/journal"):
        (tmp_path / name).mkdir(parents=True)
    project = Project.at(tmp_path)
    waivers_file(project).write_text('{"gate": "x"}\n')
    with pytest.raises(DripsError, match=r"waivers\.jsonl:1: can't be read"):
        read_waivers(project)

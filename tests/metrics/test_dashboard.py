"""The dashboard asks for what is exported, and is one that Grafana's own library reads without losing a key."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from typing import Any

import pytest
from conftest import REPOSITORY
from own_environments import environment

from dagster_drips.collector.metrics import Metrics
from dagster_drips.metrics import registry_of
from dagster_drips.project import Project

FILE = REPOSITORY / "docs" / "grafana" / "drips.json"
BOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
SDK = "grafana-foundation-sdk==1769699998!10.1.0"
# What its types know of a dashboard is compared with what stands in the file, key by key.
ROUND_TRIP = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

written = json.loads(sys.stdin.read())
read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))

def lost(before, after, path):
    if isinstance(before, dict):
        for key, value in before.items():
            if not isinstance(after, dict) or key not in after:
                if value not in (None, [], {}):
                    yield f"{path}.{key}"
            else:
                yield from lost(value, after[key], f"{path}.{key}")
    elif isinstance(before, list):
        for number, value in enumerate(before):
            yield from lost(value, after[number], f"{path}[{number}]")
    elif before != after:
        yield f"{path}: {before!r} is {after!r}"

print(json.dumps(sorted(lost(written, read, ""))))
"""


def expressions() -> list[str]:
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]]
    return [*asked, *(variable["query"]["query"] for variable in BOARD["templating"]["list"][1:])]


@pytest.fixture(scope="module")
def exported(published: Project) -> dict[str, set[str]]:
    """Labels by the name of a sample."""
    registry = registry_of(published)
    assert registry is not None
    found: dict[str, set[str]] = {}
    for family in registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    collector = Metrics()
    for count in collector.registry._collector_to_names:
        labels = set(getattr(count, "_labelnames", ()))
        found |= {f"{count._name}_total": labels}  # ty: ignore[unresolved-attribute]
    return found


def test_every_metric_of_the_dashboard_is_exported_with_its_labels(exported: dict[str, set[str]]) -> None:
    asked: dict[str, set[str]] = {}
    for expression in expressions():
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expression))))
        for name, filters in re.findall(r"(drips_\w+)(?:\{([^}]*)\})?", expression):
            asked.setdefault(name, set()).update(grouped, re.findall(r"(\w+)(?==)", filters))
    assert len(asked) > 15
    assert {name: labels - exported.get(name, set()) for name, labels in asked.items() if name not in exported} == {}
    assert {name: labels - exported[name] for name, labels in asked.items() if labels - exported[name]} == {}


def test_every_metric_of_a_tick_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    of_ticks = {name for name, labels in exported.items() if "project" in labels}
    assert of_ticks - set(re.findall(r"drips_\w+", " ".join(expressions()))) == set()


def test_panels_have_places_of_their_own_and_say_what_they_show() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for one, other in itertools.combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])
    assert [panel["title"] for panel in PANELS if not (panel["description"] and panel["title"])] == []


def test_it_asks_the_chosen_prometheus() -> None:
    sources = [*(panel["datasource"] for panel in PANELS)]
    sources += [target["datasource"] for panel in PANELS for target in panel["targets"]]
    assert {source["uid"] for source in sources} == {"${datasource}"}
    assert BOARD["templating"]["list"][0]["type"] == "datasource"


def lost_keys(board: dict[str, Any]) -> list[str]:
    program = environment(SDK) / "python"
    done = subprocess.run(
        [program, "-c", ROUND_TRIP], input=json.dumps(board), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_grafanas_own_types_know_every_key() -> None:
    assert lost_keys(BOARD) == []
    broken = json.loads(json.dumps(BOARD))
    broken["panels"][1]["gridPosition"] = {"x": 1}
    assert lost_keys(broken) == [".panels[1].gridPosition"]

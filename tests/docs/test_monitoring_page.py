"""What docs/monitoring.md and docs/report.md show can be written like that, and names what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import typing
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

from dagster_drips.metrics import PREFIX, TickMetrics
from dagster_drips.sequences.schema import ProjectSettings
from dagster_drips.settings import setting_name
from dagster_drips.vocabulary import ConcernKind

DOCS = REPOSITORY / "docs"
MONITORING, REPORT = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("monitoring", "report"))
NOTHING = {
    name: []
    for name in ("ticks", "stops", "decided_sequences", "sequences", "due_next", "in_doubt", "gates", "enrolled")
}
_NOW = datetime(2026, 3, 1)
NUMBERS = {"attempts": [], "rows": [dict.fromkeys(("loaded", "rejected", "duplicated"))], "latency": []}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("text", [blocks(MONITORING, "yaml")[0], blocks(REPORT, "yaml")[0]])
def test_what_is_shown_of_the_file_is_valid(text: str) -> None:
    settings = ProjectSettings.model_validate(yaml.safe_load(text))
    assert settings.alerts or settings.report


def test_the_addresses_shown_are_those_of_the_targets_shown() -> None:
    alerts = ProjectSettings.model_validate(yaml.safe_load(blocks(MONITORING, "yaml")[0])).alerts
    shown = dict(re.findall(r"^DRIPS_ALERT_URL_(\w+)=(\S+)$", MONITORING, re.MULTILINE))
    assert alerts is not None
    assert {setting_name(name) for name in shown} == {setting_name(name) for name in alerts.targets}
    import apprise

    assert all(apprise.Apprise().add(url) for url in shown.values())


def test_every_kind_has_its_row() -> None:
    told = re.findall(r"^\| `(\w+)` \| [^|]*\| (?:error|warning)", MONITORING, re.MULTILINE)
    assert sorted(told) == sorted(typing.get_args(ConcernKind))


def test_every_metric_has_its_row_with_its_labels() -> None:
    told: dict[str, set[str]] = {}
    for names, labels in re.findall(
        r"^\| ((?:`drips_\w+` ?)+)(?:\(histogram\) )?\| ([^|]*)\|", MONITORING, re.MULTILINE
    ):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = set(re.findall(r"`(\w+)`", labels))
    facts = {**NOTHING, "ticks": [{"as_of": _NOW, "recorded_at": _NOW}], "clock": [{"started_at": _NOW}]}
    there = {
        family.name + ("_total" if family.type == "counter" else ""): set(family._labelnames) - {"project"}  # ty: ignore
        for family in TickMetrics("p", facts, NUMBERS).collect()
    }
    assert told == there
    assert all(name.startswith(PREFIX) for name in there)


def test_the_rules_for_prometheus_ask_for_what_there_is() -> None:
    [rules] = [yaml.safe_load(text) for text in blocks(MONITORING, "yaml") if "groups:" in text]
    asked = {name for rule in rules["groups"][0]["rules"] for name in re.findall(r"drips_\w+", rule["expr"])}
    assert asked <= set(re.findall(r"^\| `(drips_\w+)`", MONITORING, re.MULTILINE))
    assert len(asked) == 4


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian's prometheus) is not installed")
def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    [rules] = [text for text in blocks(MONITORING, "yaml") if "groups:" in text]
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    checked = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "4 rules found" in checked.stdout

"""What a tick tells Prometheus: from what it published, as a file for node_exporter's textfile collector, or pushed.

Counters count from the first tick on, as they are sums over what is published; nothing is remembered from one tick to
the next. Here belong the names and the two ways out; what the collector counts by itself is in `collector.metrics`.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import basic_auth_handler, default_handler, push_to_gateway
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dagster_drips.pipeline.published import facts_as_published, opened_published
from dagster_drips.pipeline.status import Facts
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

PREFIX = "drips_"
JOB = "drips"
_PUSH_SECONDS = 5.0
_STATEMENTS = named_statements(Path(__file__).with_name("metrics.sql"))


class TickMetrics(Collector):
    """The metrics of a published set, all with the label `project`: one machine's file may hold several projects'.

    Args:
        project: the label's value.
        facts: those of `drips status`.
        numbers: rows of the statements of `metrics.sql`.
    """

    def __init__(self, project: str, facts: Facts, numbers: Mapping[str, list[dict[str, Any]]]):
        self._project = project
        self._facts = facts
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """All families; each has a sample for every sequence, so that what is over is seen to be 0."""
        yield from self._of_the_tick()
        attempts = self._counter("attempts", "Attempts to hand a message to a server.", "sequence", "outcome")
        for row in self._numbers["attempts"]:
            attempts.add_metric([self._project, row["sequence_id"], row["outcome"]], row["attempts"])
        yield attempts
        [rows] = self._numbers["rows"]
        for name, what in (("loaded", "taken"), ("rejected", "put into quarantine"), ("duplicated", "known already")):
            counter = self._counter(f"{name}_rows", f"Rows of landing files that were {what}.")
            counter.add_metric([self._project], rows[name] or 0)
            yield counter
        yield from self._of_sequences()
        yield self._latency()

    def _of_the_tick(self) -> Iterable[Metric]:
        stopped = self._gauge("sending_stopped", "Mail servers and senders at which the last sending stopped early.")
        stopped.add_metric([self._project], len(self._facts["stops"]))
        yield stopped
        for row in self._facts["ticks"]:
            for name, what, value in (
                ("tick_as_of_timestamp_seconds", "The instant of the last tick.", row["as_of"]),
                ("tick_finished_timestamp_seconds", "When it finished, by the wall clock.", row["recorded_at"]),
            ):
                gauge = self._gauge(name, what)
                gauge.add_metric([self._project], value.replace(tzinfo=UTC).timestamp())
                yield gauge
            for clock in self._facts["clock"]:
                seconds = self._gauge("tick_duration_seconds", "From its beginning until it finished.")
                took = row["recorded_at"] - clock["started_at"]
                seconds.add_metric([self._project], max(0.0, took.total_seconds()))
                yield seconds

    def _of_sequences(self) -> Iterable[Metric]:
        facts = self._facts
        sequences = [row["sequence_id"] for row in facts["decided_sequences"] or facts["sequences"]]
        due = {row["sequence_id"]: row["waiting"] for row in facts["due_next"]}
        in_doubt = Counter(row["sequence_id"] for row in facts["in_doubt"])
        for name, what, counts in (
            ("messages_due", "Messages that are due and were not sent.", due),
            ("messages_in_doubt", "Messages of which nobody knows whether they went out.", in_doubt),
        ):
            gauge = self._gauge(name, what, "sequence")
            for sequence in sorted({*sequences, *counts}):
                gauge.add_metric([self._project, sequence], counts.get(sequence, 0))
            yield gauge
        gates: dict[tuple[str, str], int] = defaultdict(int)
        for row in facts["gates"]:
            gates[row["sequence_id"], _state_of(row)] += 1
        gauge = self._gauge("gates", "Gates that found something.", "sequence", "state")
        for sequence in sorted({*sequences, *(one for one, _ in gates)}):
            for state in ("holding", "warning", "waived"):
                gauge.add_metric([self._project, sequence, state], gates.get((sequence, state), 0))
        yield gauge
        enrollments = self._gauge("enrollments", "Enrollments by what became of them.", "sequence", "status")
        for row in facts["enrolled"]:
            for status in ("active", "completed", "exited"):
                enrollments.add_metric([self._project, row["sequence_id"], status], row[status])
        yield enrollments

    def _latency(self) -> Metric:
        histogram = HistogramMetricFamily(
            f"{PREFIX}latency_seconds", "From one station to the next.", labels=["project", "stage"]
        )
        by_stage: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._numbers["latency"]:
            by_stage[row["stage"]].append(row)
        for stage, rows in by_stage.items():
            so_far, buckets = 0, []
            for row in rows:
                so_far += row["spans"]
                end = row["up_to_seconds"]
                buckets.append(("+Inf" if end is None else str(float(end)), so_far))
            histogram.add_metric([self._project, stage], buckets, sum(row["seconds"] for row in rows))
        return histogram

    def _gauge(self, name: str, what: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(PREFIX + name, what, labels=["project", *labels])

    def _counter(self, name: str, what: str, *labels: str) -> CounterMetricFamily:
        return CounterMetricFamily(PREFIX + name, what, labels=["project", *labels])


def _state_of(row: Mapping[str, Any]) -> str:
    if row["waived_until"]:
        return "waived"
    return "holding" if row["is_holding"] else "warning"


def registry_of(project: Project) -> CollectorRegistry | None:
    """What the set that was published last says; None where nothing is published yet."""
    told = facts_as_published(project)
    with opened_published(project) as published:
        if told is None or published is None:
            return None
        numbers = _numbers(published)
    registry = CollectorRegistry()
    registry.register(TickMetrics(project.root.name, told[0], numbers))
    return registry


def _numbers(published: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {name: published.rows(sql) for name, sql in _STATEMENTS.items()}


def export_metrics(project: Project, settings: Settings) -> list[str]:
    """Put the metrics where the settings say; returns what went wrong, in words."""
    if settings.metrics_file is None and settings.pushgateway_url is None:
        return []
    registry = registry_of(project)
    if registry is None:
        return []
    problems = []
    if settings.metrics_file is not None:
        try:
            _put(settings.metrics_file, generate_latest(registry))
        except OSError as error:
            problems.append(f"metrics could not be written to {settings.metrics_file}: {error.strerror}")
    if settings.pushgateway_url is not None:
        try:
            _push(settings.pushgateway_url, registry, project.root.name)
        except OSError as error:
            problems.append(f"metrics could not be pushed: {error}")
    return problems


def _put(path: Path, text: bytes) -> None:
    """In one rename, and readable by others, as whoever runs node_exporter is another user: no person is in it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(text)
        scratch.chmod(0o644)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _push(url: str, registry: CollectorRegistry, project: str) -> None:
    """Put them in the place of those that were pushed before; login in the URL goes into a header."""
    parts = urlsplit(url)
    gateway = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    user, password = unquote(parts.username or ""), unquote(parts.password or "")

    def handler(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Any:
        if not user:
            return default_handler(url, method, timeout, headers, data)
        return basic_auth_handler(url, method, timeout, headers, data, user, password)

    push_to_gateway(gateway, JOB, registry, grouping_key={"project": project}, timeout=_PUSH_SECONDS, handler=handler)

"""Numbers about what the collector did, in Prometheus' text format.

Each process counts for itself from its start; nothing here is kept.
"""

from __future__ import annotations

from collections import defaultdict

PREFIX = "drips_"

_Labels = tuple[tuple[str, str], ...]


class Counters:
    """Counts by name and labels. For one event loop: adding is not guarded by a lock."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[_Labels, float]] = defaultdict(lambda: defaultdict(float))

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Count one more, or `amount`.

        Args:
            name: what, as `clicks` or `rejected_signatures`; shown as `drips_<name>_total`.
            amount: how many.
            labels: kinds of it; few values each, never something that a request may choose freely.
        """
        self._counts[name][tuple(labels.items())] += amount

    def value(self, name: str, **labels: str) -> float:
        """How many so far."""
        return self._counts.get(name, {}).get(tuple(labels.items()), 0)

    def counts(self) -> list[tuple[str, _Labels, float]]:
        """All of them: name, labels, how many."""
        return [(name, labels, count) for name, counts in self._counts.items() for labels, count in counts.items()]

    def text(self) -> str:
        """All of them in the text format, version 0.0.4."""
        lines = []
        for name, counts in sorted(self._counts.items()):
            lines.append(f"# TYPE {PREFIX}{name}_total counter")
            lines += [f"{PREFIX}{name}_total{_shown(labels)} {count:g}" for labels, count in sorted(counts.items())]
        return "".join(line + "\n" for line in lines)


def _shown(labels: _Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

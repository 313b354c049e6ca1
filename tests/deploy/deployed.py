"""What the files in `deploy/` start, mount and set, read out of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml
from conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = {path.name: path.read_text(encoding="utf-8") for path in sorted((DEPLOY / "systemd").iterdir())}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
STATEFULSET = (DEPLOY / "helm" / "templates" / "statefulset.yaml").read_text(encoding="utf-8")
SCRIPT = DEPLOY / "dagster.sh"
IN_THE_IMAGE = {"drips-dagster": SCRIPT}
"""Programs of the image's own, by the names that it gives them."""


@cache
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def unit(name: str) -> dict[str, list[str]]:
    """The values of a unit by key, whatever their sections."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNITS[name], re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name in the Dockerfile, lines that go on joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return re.findall(rf"(?m)^{name} (.*)$", joined)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command that is started, as words, with where it stands."""
    for name in UNITS:
        for line in unit(name).get("ExecStart", []):
            if "%i" not in line:
                yield name, shlex.split(line)
        for started in unit(name).get("Unit", []):
            template, instance = re.fullmatch(r"(\w+@)(\w+)\.service", started).groups()  # ty: ignore
            (line,) = unit(f"{template}.service")["ExecStart"]
            yield name, shlex.split(line.replace("%i", instance))
    for name, service in compose()["services"].items():
        yield f"compose {name}", service["command"]
        if "healthcheck" in service:
            kind, *test = service["healthcheck"]["test"]
            assert kind == "CMD"
            yield f"compose {name}: health", test
    for number, text in enumerate(re.findall(r"command: (\[.*?\])\}?$", STATEFULSET, re.MULTILINE)):
        words = yaml.safe_load(text)
        given = re.search(r"args: \[(--[\w-]+), ", STATEFULSET) if words[:2] == ["drips", "collect"] else None
        yield f"helm {number}", [*words, *([given[1], "10.0.0.0/8"] if given else [])]
    for number, line in enumerate(instructions("CMD")):
        yield f"Dockerfile {number}", yaml.safe_load(line)
    for line in re.findall(r"^(?:start )?(dagster.*?)(?: >.*)?$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE):
        yield f"dagster.sh: {line.split()[0]}", shlex.split(line)

"""What `deploy/` names is there: commands and their options, settings, paths, extras, versions of Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from conftest import REPOSITORY
from packaging.specifiers import SpecifierSet

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from deploy.deployed import (
    DEPLOY,
    DOCKERFILE,
    IN_THE_IMAGE,
    SCRIPT,
    STATEFULSET,
    UNITS,
    commands,
    compose,
    instructions,
    unit,
)

CONTRACT = (REPOSITORY / "docs" / "contract.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILD = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
COMMANDS = dict(commands())
CLI = typer.main.get_command(app)
READ_ONLY = {"/srv/drips/sequences", "/srv/drips/dbt_project", "/srv/drips/.env"}
WRITTEN = {"/srv/drips/data", "/srv/drips/.dagster", "/tmp"}
"""Of all that is mounted. DAGSTER_HOME is `.dagster`; throw-away warehouses lie in the system's temporary folder."""
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]


def test_all_parts_start_something() -> None:
    assert {name.split()[0].rstrip(":") for name in COMMANDS} >= {"compose", "helm", "Dockerfile", "dagster.sh"}
    assert {name for name in UNITS if name.endswith(".service") and "@" not in name} <= {*COMMANDS}
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if Path(words[0]).name == "drips"])
def test_a_call_of_drips_is_one_that_its_own_parser_takes(name: str) -> None:
    _, command, *arguments = COMMANDS[name]
    CLI.commands[command].make_context(command, list(arguments))  # ty: ignore[unresolved-attribute]


@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if Path(words[0]).name != "drips"])
def test_other_programs_are_the_image_s_or_dagster_s(name: str) -> None:
    program = Path(COMMANDS[name][0]).name
    assert program in {*IN_THE_IMAGE, "dagster", "dagster-daemon", "dagster-webserver", "python"}
    if program in IN_THE_IMAGE:
        assert f"{IN_THE_IMAGE[program].relative_to(REPOSITORY)} /usr/local/bin/{program}" in DOCKERFILE
    if program == "python":
        compile(COMMANDS[name][2], name, "exec")


@pytest.mark.slow
def test_calls_of_dagster_are_ones_that_its_own_parsers_take() -> None:
    from dagster._cli import create_dagster_cli
    from dagster._daemon.cli import create_dagster_daemon_cli
    from dagster_webserver.cli import create_dagster_webserver_cli

    programs = {
        "dagster": create_dagster_cli(),
        "dagster-daemon": create_dagster_daemon_cli(),
        "dagster-webserver": create_dagster_webserver_cli(),
    }
    called = set()
    for words in COMMANDS.values():
        name, *arguments = Path(words[0]).name, *words[1:]
        if name in programs:
            command = programs[name]
            while commands := getattr(command, "commands", None):
                command = commands[arguments.pop(0)]
            command.make_context(name, arguments)
            called.add(name)
    assert called == {*programs}


def test_every_setting_that_is_named_is_one() -> None:
    named = {name for path in FILES for name in re.findall(r"DRIPS_\w+", path.read_text(encoding="utf-8"))}
    assert "DRIPS_PROJECT" in named
    assert {name for name in named if f"`{name}`" not in CONTRACT} == set()
    others = {"PATH", "HOME", "PYTHONUNBUFFERED", "DAGSTER_HOME"}
    set_by_the_image = {name for line in instructions("ENV") for name in re.findall(r"(?:^|\s*)([A-Z_]+)=", line)}
    assert set_by_the_image - others == {"DRIPS_PROJECT"}
    set_by_units = {value.partition("=")[0] for name in UNITS for value in unit(name).get("Environment", [])}
    assert set_by_units == {"DAGSTER_HOME"}
    production = (REPOSITORY / "docs" / "production.md").read_text(encoding="utf-8")
    handed_on = [name for service in compose()["services"].values() for name in service.get("environment", [])]
    assert handed_on and all(f"env: {name}" in production for name in handed_on)


def test_what_is_mounted_is_what_the_contract_names_and_code_can_t_be_written() -> None:
    for path in (READ_ONLY | WRITTEN) - {"/tmp", "/srv/drips/.dagster"}:
        assert f"`{Path(path).name}/" in CONTRACT or f"`{Path(path).name}`" in CONTRACT, path
    for service in compose()["services"].values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        mounts = {one["target"]: one for one in service["volumes"] if isinstance(one, dict)}
        assert mounts.keys() == READ_ONLY | {"/srv/drips/data"}
        assert {target for target, one in mounts.items() if one.get("read_only")} == READ_ONLY
        # Else Docker makes a folder, of root's, where a file is missing.
        assert all(one["bind"] == {"create_host_path": False} for one in mounts.values())
        volumes = {one.partition(":")[2] for one in service["volumes"] if isinstance(one, str)}
        assert volumes | {*service.get("tmpfs", [])} <= WRITTEN
        assert "/tmp" in volumes | {*service.get("tmpfs", [])}
    mounted = set(re.findall(r"mountPath: ([^\s,}]+)", STATEFULSET))
    assert mounted == WRITTEN | {"/srv/drips/.env"}
    for name in UNITS:
        if name.endswith(".service"):
            (folders,) = unit(name)["ReadWritePaths"]
            uses_dagster = "DAGSTER_HOME=/srv/drips/.dagster" in unit(name).get("Environment", [])
            assert {*folders.split()} == {"/srv/drips/data", *(["/srv/drips/.dagster"] if uses_dagster else [])}
            assert unit(name)["WorkingDirectory"] == ["/srv/drips"] and unit(name)["ProtectSystem"] == ["strict"]


def test_nothing_runs_as_root() -> None:
    (user,) = instructions("USER")
    assert user == "1000:1000" and re.search(r"useradd --uid 1000 ", DOCKERFILE)
    assert re.search(r"runAsUser: 1000\n\s+runAsGroup: 1000", STATEFULSET)
    assert not any("user" in service for service in compose()["services"].values())
    assert all(unit(name)["User"] == ["drips"] for name in UNITS if name.endswith(".service"))


def test_the_image_s_python_is_one_that_the_package_allows_and_comes_from_no_named_registry() -> None:
    images = [line.split()[0] for line in instructions("FROM")]
    versions = {re.fullmatch(r"python:(\d+\.\d+)-slim", image)[1] for image in images}  # ty: ignore
    (version,) = versions
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert "://" not in DOCKERFILE and "://" not in str(
        [service["image"] for service in compose()["services"].values()]
    )


def test_the_image_has_all_that_the_wheel_is_made_of_and_extras_that_there_are() -> None:
    copied = [line.split() for line in instructions("COPY") if "--from" not in line]
    sources = {name.replace("${PROJECT}", ".") for words in copied for name in words[:-1] if name[0] != "-"}
    assert {name for name in sources if not (REPOSITORY / name).exists()} == {"./dagster.yam[l]"}
    first = DOCKERFILE.split("\nFROM ")[1]
    for name in (*BUILD["targets"]["wheel"]["only-include"], PROJECT["readme"], "pyproject.toml", "requirements.lock"):
        assert re.search(rf"(?m)^COPY (?:.* )?{re.escape(name)}(?: |$)", first), name
    (extras,) = re.findall(r"whl\)\[([\w,]+)\]", DOCKERFILE)
    # No tick runs on Spark, and it would double the image.
    assert {*extras.split(",")} == {*PROJECT["optional-dependencies"]} - {"ui", "spark"}


def test_no_secret_and_no_person_gets_into_the_image() -> None:
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"**/.env", "**/data", ".git"} <= {*left_out}
    # Nothing that the image needs is called as what is left out.
    names = {line.rpartition("/")[2] for line in left_out if line and line[0] != "#"}
    for folder in ("dagster_drips", "sequences"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert [path for path in tracked.stdout.split() if names & {*path.split("/")}] == []


def test_each_timer_starts_a_service_that_is_there() -> None:
    for name in (name for name in UNITS if name.endswith(".timer")):
        started = unit(name).get("Unit", [name.replace(".timer", ".service")])[0]
        assert re.sub(r"@\w+", "@", started) in UNITS


def test_the_code_server_listens_where_the_workspace_looks() -> None:
    (server,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    for name in ("drips-code.service", "dagster.sh: dagster"):
        text = UNITS.get(name) or SCRIPT.read_text(encoding="utf-8")
        assert f"--host {server['grpc_server']['host']} --port {server['grpc_server']['port']}" in text


def test_ports_are_open_to_this_machine_alone() -> None:
    for service in compose()["services"].values():
        assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service.get("ports", []))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    # As they are, but for the user and the programs, which this machine has not.
    for name, text in UNITS.items():
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text)
        (tmp_path / name).write_text(text.replace("User=drips", "User=root"), encoding="utf-8")

    def complaints() -> list[str]:
        names = [str(tmp_path / name) for name in UNITS if "@" not in name]
        command = ["systemd-analyze", "verify", "--man=no", *names]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        return [line for line in checked.stderr.splitlines() if str(tmp_path) in line or "drips" in line]

    assert complaints() == []
    with (tmp_path / "drips-watch.service").open("a") as unit_file:
        unit_file.write("[Service]\nRestarts=always\n")
    assert any("Restarts" in line for line in complaints())

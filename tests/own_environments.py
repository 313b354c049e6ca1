"""Environments of their own for tools that this project works with and does not need: made by uv, kept between runs.

Each lies in the system's folder for temporary files, under a name that its packages give; whoever comes second waits.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import REPOSITORY


def locked(*packages: str) -> list[str]:
    """These packages at the versions of `requirements.lock`."""
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    found = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    return [f"{name}=={found[name]}" for name in packages]


def environment(*wanted: str) -> Path:
    """The folder of programs of an environment with these packages; skips the test where it can't be made."""
    name = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"drips-tests-{os.getuid()}" / f"environment-{name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            if reasons := _make(folder, wanted):
                shutil.rmtree(folder, ignore_errors=True)
                pytest.skip(f"{wanted[0]} can't be installed: {'; '.join(reasons)}")
            (folder / "complete").touch()
    return folder / "bin"


def _make(folder: Path, wanted: tuple[str, ...]) -> list[str]:
    """What went wrong; nothing where the environment is there."""
    python = str(folder / "bin" / "python")
    made = [sys.executable, "-m", "venv", str(folder)]
    ways = [
        (["uv", "venv", "--clear", str(folder)], ["uv", "pip", "install", "--python", python]),
        (
            ["python3", "-m", "uv", "venv", "--clear", str(folder)],
            ["python3", "-m", "uv", "pip", "install", "--python", python],
        ),
        (made, [python, "-m", "pip", "install"]),
    ]
    reasons = []
    for make, install in ways:
        for command in (make, [*install, "--quiet", *wanted]):
            try:
                # Not in the repository: uv would hold to the versions that its pyproject.toml locks.
                done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=False)
            except OSError as error:
                reasons.append(str(error))
                break
            if done.returncode:
                reasons.append((done.stderr.strip() or "no reason given").splitlines()[-1])
                break
        else:
            return []
    return reasons

"""docs/getting-started.md does what it says: its files and commands, one after the other, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "getting-started.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"^(?:#|--|<!--) (\S+/\S+\.\w+)(?: -->)?$")
# The demo has tests of its own; what needs a mail server elsewhere, or stays on, is not for a test.
LEFT_OUT = ("pip install", "smtp.example.com", "drips doctor", "dagster dev")


def test_the_page_works_from_its_first_block_to_its_last(tmp_path: Path) -> None:
    folder = tmp_path
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRIPS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = []
    for language, text in BLOCK.findall(PAGE):
        if file := FILE.match(text.partition("\n")[0]):
            path = folder / file[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif language == "sh" and not any(words in text for words in LEFT_OUT):
            script = f"set -e\n{text}"
            ran = subprocess.run(["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
            assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
            done.append(ran.stdout)
            if "cd shop" in text:
                folder /= "shop"
    printed = "\n".join(done)
    assert "2 leads" in printed and "1 events" in printed
    assert "status: active" in (folder / "sequences/trial_welcome/sequence.yml").read_text()
    assert (folder / "preview").is_dir()

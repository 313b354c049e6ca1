import subprocess
from pathlib import Path

import pytest

from dagster_drips.project import Project

SEQUENCE = """
name: Welcome
status: active
{sender}
trigger: {{event: lead_created}}
steps:
  - {{id: hello, subject: Hello, template: hello.html}}
"""


class Shop:
    """A project folder whose parts a test writes."""

    def __init__(self, root: Path):
        for name in ("sequences", "dbt_project"):
            (root / name).mkdir()
        self.root = root
        self.project = Project.at(root)

    def senders(self, text: str) -> None:
        (self.root / "sequences" / "senders.yml").write_text(text)

    def sequence(self, name: str, sender: str = "") -> None:
        folder = self.root / "sequences" / name
        folder.mkdir()
        (folder / "sequence.yml").write_text(SEQUENCE.format(sender=sender))
        (folder / "hello.html").write_text("<p>Hello, <a href='{{ unsubscribe_url }}'>unsubscribe</a></p>")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    root.mkdir()
    return Shop(root)


@pytest.fixture(scope="session")
def key() -> str:
    """A private key as openssl makes it."""
    try:
        return subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")


@pytest.fixture
def certificate(tmp_path: Path):
    """Makes a certificate for `localhost` that nobody vouches for: its file, with the key in it."""

    def make(days: int) -> Path:
        path, private = tmp_path / "certificate.pem", tmp_path / "private.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", private, "-out", path]
        extra = ["-days", str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        try:
            subprocess.run([*command, *extra], check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("openssl is not installed")
        path.write_text(private.read_text() + path.read_text())
        return path

    return make

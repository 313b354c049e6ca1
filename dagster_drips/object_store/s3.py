"""S3, and what speaks like it, by the library obstore (the extra `s3`).

Here belong the client's settings and what its errors are called; which objects there are is said by the other modules.
Credentials, region and endpoint are those of every tool for S3: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, or a role of the machine or container. `.env` may hold them, too.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
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

_PIECE = 8 << 20
_LARGE = 16 << 20
"""Bytes of a file from which on it goes up in parts, though nothing may be there."""
_PAGE = 1_000
_CONNECT_SECONDS = 5
_REQUEST_SECONDS = 120
_RETRIES = 4
_RETRY_SECONDS = 15
_REASON = re.compile(r"<Code>(\w+)</Code>")
_PREFIX = "AWS_"


class S3Store:
    """A bucket by its address.

    Args:
        bucket: where.
        variables: `AWS_…` as the environment would have them.

    Raises:
        DripsError: the extra is missing, or a variable is bad.
    """

    def __init__(self, bucket: Bucket, variables: dict[str, str]):
        with needs("s3"):
            import obstore
        self.bucket = bucket
        self._client = obstore
        self._store = _store(bucket, variables)

    @classmethod
    def of(cls, project: Project, bucket: Bucket) -> S3Store:
        """With a project's credentials: the environment's, and those of `.env` for what that leaves out."""
        from_file = {name: value for name, value in _from_file(project).items() if name.startswith(_PREFIX) and value}
        return cls(bucket, from_file | {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)})

    def list(self, folder: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """As `ObjectStore.list`, a request for 1,000 objects."""
        with self._told("list", folder):
            pages = iter(self._client.list(self._store, folder, offset=after or None, chunk_size=_PAGE))
        while True:
            with self._told("list", folder):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                yield ObjectFacts(found["path"], found["e_tag"] or "", found["size"])

    def get(self, key: str) -> tuple[bytes, str]:
        """As `ObjectStore.get`."""
        with self._told("read", key):
            found = self._client.get(self._store, key)
            return bytes(found.bytes()), found.meta["e_tag"] or ""

    def get_into(self, key: str, target: Path) -> str:
        """As `ObjectStore.get_into`, a piece at a time."""
        with self._told("read", key):
            found = self._client.get(self._store, key)
            with target.open("wb") as stream:
                for piece in found.stream(min_chunk_size=_PIECE):
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            return found.meta["e_tag"] or ""

    def put(self, key: str, content: bytes | Path, *, only_if: str | None = None) -> str:
        """As `ObjectStore.put`; what is large goes up in parts, but for what has a condition."""
        mode: Any = "overwrite" if only_if is None else {"e_tag": only_if} if only_if else "create"
        options: dict[str, Any] = {"chunk_size": _PIECE}
        if isinstance(content, Path):
            content.stat()  # whose absence the client would tell as the object's
        with self._told("write", key):
            if only_if is not None and isinstance(content, Path) and content.stat().st_size > _LARGE:
                self._refuse_if_there(key)
                mode = "overwrite"
            elif only_if is not None:
                options = {"use_multipart": False}  # a condition is for a request of one part
            return self._client.put(self._store, key, content, mode=mode, **options)["e_tag"] or ""

    def _refuse_if_there(self, key: str) -> None:
        try:
            self._client.head(self._store, key)
        except FileNotFoundError:
            return
        raise HasChanged(key)

    def copy(self, key: str, to: str) -> None:
        """As `ObjectStore.copy`."""
        with self._told("copy", key):
            self._client.copy(self._store, key, to)

    def delete(self, keys: Iterable[str]) -> None:
        """As `ObjectStore.delete`."""
        rest = iter(keys)
        while some := list(islice(rest, _PAGE)):
            with self._told("delete", some[0]):
                self._client.delete(self._store, some)

    @contextmanager
    def _told(self, what: str, key: str) -> Generator[None]:
        """Whatever goes wrong in one line, without the library's own words: these repeat requests."""
        errors = self._client.exceptions
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise DripsError(f"{self.bucket}: there is no such bucket") from None
            raise NoSuchObject(key) from None
        except (errors.AlreadyExistsError, errors.PreconditionError):
            raise HasChanged(key) from None
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
            raise DripsError(self._refused(what, key, str(error))) from None
        except errors.BaseError as error:
            text = str(error)
            if " 403 " in text or " 401 " in text:
                raise DripsError(self._refused(what, key, text)) from None
            raise DripsError(f"{self.bucket}: can't {what} {key}: {_reason(text)}") from None

    def _refused(self, what: str, key: str, text: str) -> str:
        return f"{self.bucket}: these credentials may not {what} {key} ({_reason(text)})"


def _store(bucket: Bucket, variables: dict[str, str]) -> Any:
    from obstore.exceptions import BaseError
    from obstore.store import S3Store as Client

    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
    options: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
    }
    if endpoint and not _is_web_address(endpoint):
        raise DripsError("AWS_ENDPOINT_URL: not a web address; write it like https://s3.acme.example")
    if endpoint and endpoint.startswith("http://"):
        if not _is_loopback(endpoint) and variables.get("AWS_ALLOW_HTTP", "").lower() not in ("1", "true", "yes"):
            raise DripsError(
                "AWS_ENDPOINT_URL: http:// would send people's data unprotected over the network; use https://, or say"
                " AWS_ALLOW_HTTP=true"
            )
        options["allow_http"] = True
    config: dict[str, Any] = {
        name: variables[variable]
        for name, variable in {
            "access_key_id": "AWS_ACCESS_KEY_ID",
            "secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "session_token": "AWS_SESSION_TOKEN",
        }.items()
        if variables.get(variable)
    }
    config["region"] = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or "us-east-1"
    if endpoint:
        config["endpoint"] = endpoint
    retries = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)}
    try:
        return Client(
            bucket.name, prefix=bucket.prefix or None, config=config, client_options=options, retry_config=retries
        )
    except (BaseError, ValueError) as error:
        raise DripsError(f"{bucket}: {_reason(str(error))}") from None


def _is_web_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False  # which the client would panic about


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(text: str) -> str:
    """A word of the server's where it has one, else that it was not reached."""
    if code := _REASON.search(text):
        return code[1]
    if "error sending request" in text or "timed out" in text or "timeout" in text:
        return "the store can't be reached"
    if status := re.search(r"\b([45]\d\d [A-Z][A-Za-z ]+)", text):
        return status[1].strip()
    return text.splitlines()[0][:200] if text else "no reason given"


def _from_file(project: Project) -> dict[str, str | None]:
    try:
        return dotenv_values(project.root / ".env", encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}  # which whoever reads settings tells

"""What the collector has landed goes into the project's bucket within seconds: it may run on a machine of its own.

Here belongs when; how files get there is `object_store`'s. A bucket that is away stops nothing: what was answered is on
this disk, and goes there when the bucket is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from anyio import to_thread

from dagster_drips.errors import DripsError
from dagster_drips.locks import HeldElsewhere
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.project import Project

_SECONDS = 2.0
_log = logging.getLogger("dagster_drips.object_store")


@asynccontextmanager
async def kept_in_bucket(project: Project) -> AsyncGenerator[None]:
    """Put landed files there every two seconds, and once more at the end; nothing where no bucket is set.

    Raises:
        DripsError: the extra is missing.
    """
    mirror = ObjectMirror.of(project)
    if mirror is None:
        yield
        return

    async def keep_on() -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            await to_thread.run_sync(_keep, mirror)

    task = asyncio.create_task(keep_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await to_thread.run_sync(_keep, mirror)


def _keep(mirror: ObjectMirror) -> None:
    try:
        mirror.keep_landed(wait_seconds=0)
    except HeldElsewhere:
        pass  # another worker, or a tick, does it
    except (DripsError, OSError) as error:
        _log.warning("what was landed waits for the bucket: %s", error)

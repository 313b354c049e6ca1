"""The collector: all routes in one application, and how it is served.

Nothing here or in what it imports opens the warehouse or knows of Dagster and dbt: it starts in well under a second and
keeps running whatever a tick does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
from collections.abc import AsyncGenerator, Generator, Sequence

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from dagster_drips.collector import webhooks as providers
from dagster_drips.collector.connection import PatientProtocol
from dagster_drips.collector.context import Desk
from dagster_drips.collector.events import hooks, segment_api
from dagster_drips.collector.links import engagement as links_back
from dagster_drips.collector.pages import RETRY_SECONDS
from dagster_drips.collector.preferences import requests as wishes
from dagster_drips.collector.proxies import Forwarded, networks
from dagster_drips.collector.request_limits import Guard
from dagster_drips.collector.router import Directory
from dagster_drips.collector.shared_metrics import SharedCounters
from dagster_drips.file_modes import protect_new_files
from dagster_drips.landing.writer.writer import LandingUnavailable
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

PROJECT_VARIABLE = "DRIPS_COLLECT_PROJECT"
COUNTERS_VARIABLE = "DRIPS_COLLECT_COUNTERS"
PROXIES_VARIABLE = "DRIPS_COLLECT_PROXIES"
_BACKLOG = 4096
_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 15
_ROOMS = (links_back, segment_api, wishes, hooks, providers)


def build_app(desk: Desk, shared: SharedCounters | None = None, *, trusted_proxies: Sequence[str] = ()) -> ASGIApp:
    """The application.

    Args:
        desk: what handlers share; its writer is closed when the application ends.
        shared: the counts of all workers, where there are several.
        trusted_proxies: addresses or networks whose X-Forwarded-For is believed; of others it is not.

    Raises:
        DripsError: a proxy is given by anything but its address.
    """
    routes: list[BaseRoute] = [route for room in _ROOMS for route in room.routes(desk)]

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def metrics(_: Request) -> Response:
        text = await to_thread.run_sync(shared.text) if shared else desk.counters.text()
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def not_now(_: Request, error: Exception) -> Response:
        desk.counters.add("unavailable")
        return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": str(RETRY_SECONDS)})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, object]]:
        await to_thread.run_sync(desk.writer.take_over)
        async with shared.kept() if shared else contextlib.nullcontext():
            yield {"memory": desk.memory}
        await to_thread.run_sync(desk.writer.close)

    routes += [Route("/health", health), Route("/metrics", metrics)]
    app = Starlette(routes=routes, exception_handlers={LandingUnavailable: not_now}, lifespan=lifespan)
    # A path is right or wrong: no address is made of what a request says of its host.
    app.router.redirect_slashes = False
    guarded = Guard(Directory(app, routes, not_now), desk.counters, max_bodies=wishes.MAX_BODIES)
    return Forwarded(guarded, networks(trusted_proxies)) if trusted_proxies else guarded


def worker_app() -> ASGIApp:
    """The application of one of several workers, for uvicorn; the environment says which project."""
    project = Project.at(os.environ[PROJECT_VARIABLE])
    protect_new_files(project)
    desk = Desk.of(project, load_settings(project))
    shared = SharedCounters(desk.counters, os.environ[COUNTERS_VARIABLE])
    app = build_app(desk, shared, trusted_proxies=os.environ[PROXIES_VARIABLE].split())
    _collect_garbage_seldom()
    return app


def server_options(*, access_log: bool = False) -> dict[str, object]:
    """How uvicorn serves the collector, for `uvicorn.Config`.

    Args:
        access_log: a line a request on stdout.
    """
    return {
        "http": PatientProtocol,
        "ws": "none",
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        # `proxies` reads them: uvicorn takes any text for an address.
        "proxy_headers": False,
        "server_header": False,
        "access_log": access_log,
        "log_level": "info" if access_log else "warning",
    }


def serve(
    project: Project,
    *,
    host: str,
    port: int,
    workers: int = 1,
    trusted_proxies: Sequence[str] = (),
    access_log: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked and give every file its name.

    Args:
        project: whose.
        host: an address of this machine.
        port: 0 takes a free one.
        workers: processes.
        trusted_proxies: as in `build_app`.
        access_log: as in `server_options`.
    """
    _allow_many_connections()
    options = server_options(access_log=access_log)
    if workers > 1:
        _serve_by_several(project, host, port, workers, trusted_proxies, options)
        return
    app = build_app(Desk.of(project, load_settings(project)), trusted_proxies=trusted_proxies)
    _collect_garbage_seldom()
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, **options))  # ty: ignore[invalid-argument-type]
    with _quiet_signals():
        server.run()


def _serve_by_several(
    project: Project,
    host: str,
    port: int,
    workers: int,
    trusted_proxies: Sequence[str],
    options: dict[str, object],
) -> None:
    # A mistake in the project's files is told here, in one line, and not by each worker again and again.
    build_app(Desk.of(project, load_settings(project)), trusted_proxies=trusted_proxies)
    with SharedCounters.folder() as folder:
        os.environ[PROJECT_VARIABLE] = str(project.root)
        os.environ[COUNTERS_VARIABLE] = str(folder)
        os.environ[PROXIES_VARIABLE] = " ".join(trusted_proxies)
        target = "dagster_drips.collector.app:worker_app"
        with _quiet_signals():
            uvicorn.run(target, factory=True, host=host, port=port, workers=workers, **options)  # ty: ignore[invalid-argument-type]


@contextlib.contextmanager
def _quiet_signals() -> Generator[None]:
    """uvicorn raises a signal again after it has stopped; a stop that was asked for is no failure."""
    kept = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _allow_many_connections() -> None:
    """As many open files as the system lets us have: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _collect_garbage_seldom() -> None:
    """What is loaded by now stays for good, and requests leave next to no cycles: a tenth of the CPU saved."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)

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

from dagster_drips.collector import webhooks
from dagster_drips.collector.connection import BoundedProtocol
from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.events import hooks, segment_api
from dagster_drips.collector.keeping import kept_in_bucket
from dagster_drips.collector.links import engagement
from dagster_drips.collector.metrics import shared_by_workers
from dagster_drips.collector.pages import RETRY_SECONDS
from dagster_drips.collector.preferences import handlers as preferences
from dagster_drips.collector.proxies import Forwarded, networks
from dagster_drips.collector.request_limits import RequestLimits
from dagster_drips.collector.router import Router
from dagster_drips.file_modes import protect_new_files
from dagster_drips.landing.writer.writer import LandingUnavailable
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

PROJECT_VARIABLE = "DRIPS_COLLECT_PROJECT"
PROXIES_VARIABLE = "DRIPS_COLLECT_PROXIES"
_BACKLOG = 4096
_SHUTDOWN_SECONDS = 10
_KEEP_ALIVE_SECONDS = 15
_ROUTE_MODULES = (engagement, segment_api, preferences, hooks, webhooks)


def build_app(context: CollectorContext, *, trusted_proxies: Sequence[str] = ()) -> ASGIApp:
    """The application.

    Args:
        context: what handlers share; its writer is closed when the application ends.
        trusted_proxies: addresses or networks whose X-Forwarded-For is believed; of others it is not.

    Raises:
        DripsError: a proxy is given by anything but its address.
    """
    routes: list[BaseRoute] = [route for module in _ROUTE_MODULES for route in module.routes(context)]

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def metrics(_: Request) -> Response:
        context.metrics.flush()
        text = await to_thread.run_sync(context.metrics.text)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def not_now(_: Request, error: Exception) -> Response:
        context.metrics.unavailable.inc()
        return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": str(RETRY_SECONDS)})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, object]]:
        await to_thread.run_sync(context.writer.complete_staged_files)
        async with kept_in_bucket(context.project):
            async with context.metrics.flushed():
                yield {"memory": context.memory}
            await to_thread.run_sync(context.writer.close)

    routes += [Route("/health", health), Route("/metrics", metrics)]
    app = Starlette(routes=routes, exception_handlers={LandingUnavailable: not_now}, lifespan=lifespan)
    # Starlette would redirect to an address made of the request's Host header.
    app.router.redirect_slashes = False
    limited = RequestLimits(Router(app, routes, not_now), context.metrics, max_bodies=preferences.MAX_BODIES)
    return Forwarded(limited, networks(trusted_proxies)) if trusted_proxies else limited


def worker_app() -> ASGIApp:
    """The application of one of several workers, for uvicorn; the environment says which project."""
    project = Project.at(os.environ[PROJECT_VARIABLE])
    protect_new_files(project)
    context = CollectorContext.of(project, load_settings(project))
    app = build_app(context, trusted_proxies=os.environ[PROXIES_VARIABLE].split())
    _collect_garbage_seldom()
    return app


def server_options(*, access_log: bool = False) -> dict[str, object]:
    """How uvicorn serves the collector, for `uvicorn.Config`.

    Args:
        access_log: a line a request on stdout.
    """
    return {
        "http": BoundedProtocol,
        "ws": "none",
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _SHUTDOWN_SECONDS,
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
    """Serve until SIGTERM or SIGINT; then answer the requests at hand and give every file its final name.

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
    app = build_app(CollectorContext.of(project, load_settings(project)), trusted_proxies=trusted_proxies)
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
    # A mistake in the project's files is reported here, in one line, and not by each worker again and again.
    build_app(CollectorContext.of(project, load_settings(project)), trusted_proxies=trusted_proxies)
    with shared_by_workers():
        os.environ[PROJECT_VARIABLE] = str(project.root)
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
    """What is loaded by now stays, and requests leave next to no cycles: this saves a tenth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)

"""A sending run in a process of its own, so that tests can kill it; arguments: ROOT URL CONNECTIONS."""

import sys
from datetime import datetime
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.mail.dispatch import dispatch
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import open_warehouse

if __name__ == "__main__":
    root, url, connections = sys.argv[1:]
    project = Project.at(Path(root))
    with open_warehouse(project.warehouse) as warehouse:
        settings = Settings(smtp_url=url, smtp_connections=int(connections))
        dispatch(project, warehouse, settings, as_of=datetime(2026, 3, 2, 9, 0), now=utc_now)

from pathlib import Path

import pytest

from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

from . import dovecot
from .dovecot import Account, Dovecot


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project", *(f"data/landing/{kind}" for kind in LANDING_KINDS)):
        (tmp_path / name).mkdir(parents=True)
    return Project.at(tmp_path)


@pytest.fixture(scope="session")
def running_dovecot():
    if reason := dovecot.missing():
        pytest.skip(reason)
    with Dovecot() as running:
        yield running


@pytest.fixture
def server(running_dovecot: Dovecot) -> Account:
    """An empty mailbox of one's own."""
    return running_dovecot.new_account()

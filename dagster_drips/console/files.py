"""The project's sequence files as they are at this look, read again only when one of them is another.

Here belongs noticing an edit. Reading files is `sequences.catalog`'s.
"""

from __future__ import annotations

import hashlib

import streamlit as st

from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog, read_catalog
from dagster_drips.sequences.segment_files import segment_names

_EVERY_SECONDS = 1.0


def fingerprint(project: Project) -> str:
    """Changes with any file of `sequences/` and any segment's: by name, time and size, as it is asked each second."""
    digest = hashlib.sha256()
    for folder in (project.sequences, project.segments):
        for path in sorted(folder.rglob("*")):
            try:
                facts = path.stat()
            except OSError:
                continue  # gone in between, or a link to nowhere
            digest.update(f"{path}\0{facts.st_mtime_ns}\0{facts.st_size}\n".encode())
    return digest.hexdigest()


def catalog(project: Project) -> Catalog:
    """What the files say now.

    Raises:
        DripsError: they can't be read at all.
    """
    return _read(fingerprint(project), str(project.root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _read(made_of: str, root: str) -> Catalog:
    project = Project.at(root)
    return read_catalog(project, segments=segment_names(project))


@st.fragment(run_every=_EVERY_SECONDS)
def follow_edits(project: Project, seen: str) -> None:
    """Look at the page anew as soon as a file is another than at this look."""
    if fingerprint(project) != seen:
        st.rerun()

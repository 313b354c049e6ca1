"""Sequences taken to be active, whatever their files say: for looks ahead that leave the files alone.

Here belongs that one change of a catalog. What an active sequence does is the models' matter; reading files is
`catalog`'s.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from dagster_drips.errors import DripsError
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.problems import suggestion


def activated(catalog: Catalog, names: Collection[str] = (), *, drafts: bool = False) -> Catalog:
    """The same catalog with these sequences active.

    Args:
        catalog: what the files say.
        names: ids of sequences, of whatever status.
        drafts: every draft too.

    Raises:
        DripsError: there is no such sequence, its file has mistakes, or two would ask for confirmations.
    """
    for name in sorted(names):
        _check(catalog, name)
    chosen = set(names)
    if drafts:
        chosen |= {name for name, one in catalog.written.items() if one.sequence.status == "draft"}
    written = {
        name: replace(one, sequence=one.sequence.model_copy(update={"status": "active"})) if name in chosen else one
        for name, one in catalog.written.items()
    }
    asking = sorted(
        name for name, one in written.items() if one.sequence.confirmation and one.sequence.status == "active"
    )
    if len(asking) > 1:
        raise DripsError(
            f"sequences {' and '.join(asking)} would both ask for confirmations; a project has one that does",
            file=f"sequences/{asking[-1]}/sequence.yml",
        )
    sources = {
        name: source
        for name, one in written.items()
        if (source := one.resolved(catalog.settings, catalog.senders)) is not None
    }
    return replace(catalog, written=written, sources=sources)


def _check(catalog: Catalog, name: str) -> None:
    if name in catalog.written:
        return
    if name not in catalog.invalid:
        known = (*catalog.written, *catalog.invalid)
        raise DripsError(f"there is no sequence '{name}' to activate{suggestion(name, known)}")
    mistake = next((one for one in catalog.errors if one.file.startswith(f"sequences/{name}/")), None)
    if mistake is None:
        raise DripsError(f"sequence '{name}' has mistakes; `drips validate` tells them")
    raise DripsError(mistake.message, file=mistake.file, line=mistake.line)

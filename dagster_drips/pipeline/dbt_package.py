"""The product's own models: a dbt package that the installed version brings, and how a project comes by it.

A project's `dbt_project/` holds what is the project's. The package stays where it was installed, and two links lead to
it: `.drips`, which `packages.yml` names, so that `dbt deps` finds it without network, and `dbt_packages/drips`, where
dbt reads it. So upgrading the installed version upgrades the models, and nothing else has to be done. What belongs here
is the links, and whose names are whose. Which files count for what dbt makes is `dbt_files`'s.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_drips.dbt_layout import DbtLayout, layout_of
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PACKAGE = Path(__file__).resolve().parents[1] / "dbt_package"
"""Where the models lie."""
PACKAGE_NAME = "drips"
LINK = ".drips"
"""In a dbt project: what its `packages.yml` names."""
INSTALLED = Path("dbt_packages") / PACKAGE_NAME
"""In a dbt project: where dbt looks for the package, `dbt deps` or not."""
COPIED = (
    "this project has the product's models copied, as an earlier version made it, and they are a package now;"
    " `drips init --upgrade` on this project takes it (docs/dbt.md)"
)
"""What is told of a project where `has_own_models`."""

_NAME_OF_PACKAGE = re.compile(rf"^name\s*:\s*['\"]?{PACKAGE_NAME}['\"]?\s*(#.*)?$", re.MULTILINE)


def link_package(dbt: Path) -> None:
    """Let a dbt project's links lead to the models of this installed version; nothing is written where they do.

    Args:
        dbt: the dbt project's folder.

    Raises:
        DripsError: this installation has no models, the project has a copy of them instead of the package, or the links
            can't be made.
    """
    if is_copied(dbt):
        raise DripsError(COPIED, file=dbt / "dbt_project.yml")
    if not (PACKAGE / "dbt_project.yml").is_file():
        raise DripsError("this installation has no dbt models; install the wheel anew", file=PACKAGE)
    try:
        # The second by way of the first, as `dbt deps` makes it.
        for place, target in ((dbt / LINK, PACKAGE), (dbt / INSTALLED, Path("..") / LINK)):
            if place.resolve() != PACKAGE:
                _link(place, target)
    except OSError as error:
        raise DripsError(
            f"the models of the installed version can't be linked from here: {error.strerror}", file=dbt
        ) from error


def has_own_models(settings: str) -> bool:
    """Whether a `dbt_project.yml` is of a project as it was before the models were a package: it has their name."""
    return bool(_NAME_OF_PACKAGE.search(settings))


def is_copied(dbt: Path) -> bool:
    """Whether a dbt project is one that `has_own_models`."""
    settings = dbt / "dbt_project.yml"
    return settings.is_file() and has_own_models(settings.read_text(encoding="utf-8", errors="replace"))


@cache
def product_names() -> dict[str, str]:
    """What the product's models and seeds are called, in lower case as DuckDB compares: name → `model` or `seed`."""
    return {path.stem: kind for kind, path in _models_and_seeds(PACKAGE)}


def names_taken(dbt: Path) -> list[tuple[Path, str]]:
    """Files of a dbt project that have the name of one of the product's: path below the project, and what is wrong.

    A seed that has the name of a seed is none: who disables the product's puts his own in its place. Neither is an
    intake model, which is called as what it lands, as two marts are (`_check_references`). Of a project that has all
    models copied, its settings are the one such file.
    """
    if is_copied(dbt):
        return [(Path("dbt_project.yml"), COPIED)]
    product, layout = product_names(), layout_of(dbt)
    return [
        (path.relative_to(dbt), taken_name(ours, path.stem))
        for kind, path in _models_and_seeds(dbt)
        if (ours := product.get(path.stem.lower()))
        and not kind == ours == "seed"
        and not _is_intake(path.relative_to(dbt).as_posix(), layout)
    ]


def _is_intake(path: str, layout: DbtLayout) -> bool:
    return layout.intake is not None and path.startswith(f"{layout.intake}/")


def taken_name(kind: str, name: str) -> str:
    """What whoever has called something like a model or seed of the product is told."""
    return f"the product has a {kind} of the name '{name}'; give this one another"


def check_names(manifest: Manifest, layout: DbtLayout) -> None:
    """See that nothing in a project has the name of one of the product's models: dbt would take it without a word, for
    those files that it reads anew.

    Raises:
        DripsError: something has, and the product's is not disabled; or what it means by such a name can't be told.
    """
    _check_sources(manifest)
    _check_references(manifest, layout)
    nodes = [node for node in manifest.nodes.values() if node.resource_type in ("model", "seed", "snapshot")]
    ours = {node.name: node.resource_type for node in nodes if node.package_name == PACKAGE_NAME}
    for node in nodes:
        if _is_intake(node.original_file_path, layout):
            continue
        if node.package_name == manifest.metadata.project_name and node.name.lower() in ours:
            kind = ours[node.name.lower()]
            message = taken_name(kind, node.name)
            if kind == "seed" == node.resource_type:
                disabled = f"`{node.name}: {{+enabled: false}}`"
                message += f", or disable that one in dbt_project.yml, under `seeds: drips:`: {disabled}"
            raise DripsError(message, file=f"dbt_project/{node.original_file_path}")


def _check_sources(manifest: Manifest) -> None:
    """See that no source of a project takes the place of one of the product's, as dbt looks in the project first."""
    from dbt.flags import get_flags

    if get_flags().require_ref_searches_node_package_before_root:
        return
    sources = [(one.package_name, (one.source_name, one.name), one) for one in manifest.sources.values()]
    ours = {name for package, name, _ in sources if package == PACKAGE_NAME}
    for package, name, source in sources:
        if package == manifest.metadata.project_name and name in ours:
            raise DripsError(
                f"the product has a source of the name '{'.'.join(name)}', and dbt would read this one for it; give it"
                " another name, or say `flags: {require_ref_searches_node_package_before_root: true}` in"
                " dbt_project.yml",
                file=f"dbt_project/{source.original_file_path}",
            )


def _check_references(manifest: Manifest, layout: DbtLayout) -> None:
    """See that who has an intake model says which of the two is meant, where a mart of the product has its name."""
    project = manifest.metadata.project_name
    nodes = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    marts = {node.name for node in nodes if node.package_name == PACKAGE_NAME}
    both = {node.name for node in nodes if node.name in marts and _is_intake(node.original_file_path, layout)}
    for node in nodes if both else ():
        for ref in node.refs if node.package_name == project else ():
            if ref.name in both and ref.package is None:
                raise DripsError(
                    f"ref('{ref.name}') may be the intake model or the product's mart; write ref('{PACKAGE_NAME}',"
                    f" '{ref.name}') for the mart",
                    file=f"dbt_project/{node.original_file_path}",
                )


def check_names_told_of(dbt: Path, told: str) -> None:
    """The same where dbt can't read the project, as two models would be one table: dbt's words name both by one path.

    Raises:
        DripsError: one of the files that dbt speaks of has a name of the product's.
    """
    for path, message in names_taken(dbt):
        if path.as_posix() in told:
            raise DripsError(message, file=f"dbt_project/{path.as_posix()}")


def copied_without(*patterns: str) -> Callable[[str, list[str]], set[str]]:
    """What `shutil.copytree` leaves out of a dbt project: these, and the links, which whoever runs the copy makes."""
    others = shutil.ignore_patterns(*patterns, LINK)

    def left_out(folder: str, names: list[str]) -> set[str]:
        link = {PACKAGE_NAME} if Path(folder).name == INSTALLED.parent.name else set()
        return {*others(folder, names), *link.intersection(names)}

    return left_out


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        # Where links can't be had, `dbt deps` copies.
        shutil.rmtree(place)
    # Under a name of its own first: others may be reading.
    made = place.with_name(f"{place.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    made.symlink_to(target, target_is_directory=True)
    made.replace(place)


def _models_and_seeds(dbt: Path) -> Iterator[tuple[str, Path]]:
    for kind, folder, ending in (("model", "models", "sql"), ("model", "models", "py"), ("seed", "seeds", "csv")):
        yield from ((kind, path) for path in sorted((dbt / folder).rglob(f"*.{ending}")) if path.is_file())

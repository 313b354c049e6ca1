"""The script that Streamlit runs for each look: `app.py -- --project DIR [--plan FILE] [--edit]`.

Here belong the list of pages and how they are reached. `drips ui` starts the server; a page is in `screens/`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from dagster_drips.console.screens import (
    deliverability,
    experiments,
    overview,
    people,
    pipeline,
    plan,
    preview,
    sales,
    segments,
    sequences,
)
from dagster_drips.console.state import Console, look
from dagster_drips.errors import DripsError

PAGES: dict[str, tuple[str, str, Callable[[Console], None]]] = {
    "overview": ("Overview", ":material/dashboard:", overview.show),
    "sequences": ("Sequences", ":material/route:", sequences.show),
    "preview": ("Preview", ":material/preview:", preview.show),
    "plan": ("Plan", ":material/compare_arrows:", plan.show),
    "people": ("People", ":material/person_search:", people.show),
    "segments": ("Segments", ":material/groups:", segments.show),
    "deliverability": ("Deliverability", ":material/mark_email_read:", deliverability.show),
    "experiments": ("Experiments", ":material/science:", experiments.show),
    "sales": ("Sales", ":material/payments:", sales.show),
    "pipeline": ("Pipeline", ":material/schema:", pipeline.show),
}
"""The last part of a page's address → title, icon, what shows it; the first is where one begins."""


def main(arguments: Sequence[str]) -> None:
    """One look: the navigation and the page that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--plan", type=Path)
    parser.add_argument("--edit", action="store_true")
    given = parser.parse_args(arguments)
    st.set_page_config(page_title=f"drips · {given.project.name}", page_icon=":material/mail:", layout="wide")

    def page(name: str, title: str, icon: str) -> st.Page:
        def shown() -> None:
            show(name, given.project, plan_file=given.plan, can_edit=given.edit)

        return st.Page(shown, title=title, icon=icon, url_path=name, default=name == next(iter(PAGES)))

    st.navigation([page(name, title, icon) for name, (title, icon, _) in PAGES.items()], expanded=True).run()


def show(name: str, root: Path, *, plan_file: Path | None = None, can_edit: bool = False) -> None:
    """One page of a project; what a user did wrong is told in one line."""
    try:
        PAGES[name][2](look(root, plan=plan_file, can_edit=can_edit))
    except DripsError as error:
        st.error(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What `config(meta=…)` in a model's file says, read without dbt: parsed as Jinja, never rendered.

What the keys mean is said by who reads them (`content_files`, `intake_files`).
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, nodes


def metas_of(sql: str) -> list[tuple[int, Any]]:
    """(line, value) of every `meta` that `config(…)` is given; None: it is computed.

    Raises:
        TemplateSyntaxError: broken Jinja.
    """
    tree = Environment(extensions=["jinja2.ext.do"], autoescape=True).parse(sql)
    found: list[tuple[int, Any]] = []
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "config"):
            continue
        for keyword in call.kwargs:
            if keyword.key == "meta":
                try:
                    found.append((keyword.lineno, keyword.value.as_const()))
                except nodes.Impossible:
                    found.append((keyword.lineno, None))
    return found

"""The demo: a project of its own with a made-up company's leads, run over two weeks in a minute.

`folder` makes the project; `names`, `leads`, `events` and `sample` make what is landed; `people` react to mail; `run`
lets the ticks go by; `report` says what came of it. The pipeline is the real one: nothing here decides who gets what.
"""

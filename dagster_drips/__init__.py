"""dagster-drips: drip and lifecycle email that lives in the data warehouse.

Layers, in one direction: Dagster code (`definitions`, `assets`, `automation`) and the command line (`cli`) call plain
modules (`landing`, `sequences`, `pipeline`, `mail`), which reach the data through the port in `warehouse`.
Who gets which mail, and when, is decided in SQL (`dbt_project/`) and nowhere in this package.
"""

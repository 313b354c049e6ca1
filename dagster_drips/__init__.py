"""dagster-drips: drip and lifecycle email that lives in the data warehouse.

docs/architecture.md has the packages and their order. Who gets which mail, and when, is decided in SQL (`dbt_package/`)
and nowhere in Python.
"""

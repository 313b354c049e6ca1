"""Dagster's view of a tick: assets from landing files to published marts.

Dagster code only, and thin: every asset calls a phase of `pipeline` and turns its report into metadata. Rules stand in
dbt, I/O in the plain packages.
"""

"""Tests of `dagster_drips.sequences` and of `drips validate`, on real project folders and real DuckDB files."""

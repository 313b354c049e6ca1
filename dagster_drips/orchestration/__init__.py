"""Dagster in Dagster's nouns: assets, checks, jobs, schedules, sensors, resources, and the definitions made of them.

Thin: each calls plain modules, which import no Dagster. Nothing here reads the warehouse's tables by itself.
"""

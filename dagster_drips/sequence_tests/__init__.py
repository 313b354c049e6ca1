"""Sequence tests: a sequence's `tests.yml` lived through the real ticks on a throw-away warehouse.

What belongs here is everything between a checked test and its verdict. What may stand in the file is
`sequences.tests_schema`'s matter; deciding is dbt's, and there is no second implementation of a rule.
"""

"""One tick of the pipeline, phase by phase.

Plain modules: the Dagster assets and the command line call them. They move rows and call dbt; what a tick decides
stands in `dbt_package/models`.
"""

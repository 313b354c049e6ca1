"""What runs print. Dagster's own default prints each of a run's thousand events, of which all are in its records."""

import dagster as dg

console_logger = dg.LoggerDefinition(
    logger_fn=dg.colored_console_logger.logger_fn,
    config_schema={
        "log_level": dg.Field(str, is_required=False, default_value="WARNING"),
        "name": dg.Field(str, is_required=False, default_value="dagster"),
    },
    description="What goes wrong, on the output of the run's process; a run's config may ask for more.",
)

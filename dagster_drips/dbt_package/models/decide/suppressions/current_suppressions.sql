{{ config(materialized='table') }}

-- Asked by three models: a table, as planning what stands behind it costs more than reading it.
{{ suppressed_addresses(as_of()) }}

{{ config(materialized='view') }}

-- A view: nearly all rows are those that are kept, and writing them once more takes longer than reading them as often as the marts do.
select * from {{ ref('kept_message_states_after_sending') }}

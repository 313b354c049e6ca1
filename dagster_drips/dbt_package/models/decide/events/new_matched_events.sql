{{ config(materialized='table') }}

{{ matched_events_of(ref('new_events')) }}

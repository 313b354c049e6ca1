{{ config(materialized='table', meta={'empty_without': ['new_events']}) }}

{{ matched_events_of(ref('new_events')) }}

{{ config(materialized='table') }}

{{ exits_of(ref('open_enrollments'), ref('new_events'), ref('new_matched_events')) }}

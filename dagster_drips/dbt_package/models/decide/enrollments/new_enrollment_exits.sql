{{ config(materialized='table') }}

{{ exits_of(ref('new_enrollments'), ref('new_enrollment_events'), ref('new_enrollment_matches')) }}

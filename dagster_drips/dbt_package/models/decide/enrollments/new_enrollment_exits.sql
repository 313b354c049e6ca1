{{ config(materialized='table', meta={'empty_without': ['new_enrollments']}) }}

{{ exits_of(ref('new_enrollments'), ref('new_enrollment_events'), ref('new_enrollment_matches')) }}

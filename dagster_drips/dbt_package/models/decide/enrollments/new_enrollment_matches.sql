{{ config(meta={'empty_without': ['new_enrollment_events']}) }}

{{ matched_events_of(ref('new_enrollment_events')) }}

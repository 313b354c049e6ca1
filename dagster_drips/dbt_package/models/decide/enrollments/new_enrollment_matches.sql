{{ matched_events_of(ref('new_enrollment_events')) }}

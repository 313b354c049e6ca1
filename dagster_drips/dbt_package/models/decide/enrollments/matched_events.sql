{{ matched_events_of(ref('stg_events')) }}

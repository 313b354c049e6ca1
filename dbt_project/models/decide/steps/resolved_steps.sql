{{ resolved_steps_of(ref('message_states'), source('earlier', 'skipped_steps')) }}

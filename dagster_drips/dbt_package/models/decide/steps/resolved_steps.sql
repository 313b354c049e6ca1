{{ resolved_steps_of(ref('open_message_states'), source('earlier', 'skipped_steps')) }}

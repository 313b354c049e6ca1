{{ resolved_steps_of(ref('message_states_after_sending'), source('journal', 'skipped_steps')) }}

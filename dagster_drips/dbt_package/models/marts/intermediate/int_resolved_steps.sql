{{ resolved_steps_of(ref('int_message_states'), source('journal', 'skipped_steps')) }}

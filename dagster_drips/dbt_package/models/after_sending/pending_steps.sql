{{ pending_steps_of(ref('next_steps_after_sending'), ref('kept_message_states_after_sending')) }}

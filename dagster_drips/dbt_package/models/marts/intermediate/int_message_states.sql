{{ message_states_of(source('raw', 'delivery_log')) }}

{{ message_states_of(source('earlier_sends', 'delivery_log')) }}

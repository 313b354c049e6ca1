{{ engagement_facts_of(source('raw', 'engagement'), ref('int_message_states')) }}

{{ engagement_facts_of(source('raw', 'engagement'), ref('message_states')) }}

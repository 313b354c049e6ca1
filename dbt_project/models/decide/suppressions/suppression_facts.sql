{{ suppression_facts_of(ref('engagement_facts'), ref('message_states')) }}

{{ engagement_facts_of(source('raw', 'engagement'), ref('kept_message_states_after_sending'), also=['variant_id', 'version_id', 'sender']) }}

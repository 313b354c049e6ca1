{{ engagement_facts_of(source('raw', 'engagement'), ref('int_message_states'), also=['variant_id', 'version_id', 'sender']) }}

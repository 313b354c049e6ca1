{{ suppression_facts_of(ref('response_facts'), ref('refused_messages')) }}

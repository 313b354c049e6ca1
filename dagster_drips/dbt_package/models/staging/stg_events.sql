{{ visible_events(source('raw', 'events'), as_of()) }}

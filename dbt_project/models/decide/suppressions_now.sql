{{ suppressed_addresses(as_of()) }}

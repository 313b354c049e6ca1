"""What readers ask for: unsubscribe, preferences by topic, and to confirm an address."""

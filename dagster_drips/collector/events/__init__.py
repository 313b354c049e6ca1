"""Events from outside: Segment's API and `drips.js`, and hooks of any application."""

"""What readers do with the links of a message: opens, clicks, and the message as a page."""

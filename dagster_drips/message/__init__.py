"""The bytes of a message (RFC 5322, MIME): headers, encodings, attachments, signature.

What the message says is rendered in `templating`; who takes it to a server is `delivery`.
"""

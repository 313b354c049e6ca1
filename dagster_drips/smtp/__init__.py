"""Talking to mail servers: opening connections, the protocol, and what an answer means.

Here belongs all that is true of one connection or one answer. Which messages go over which connection, and when they
are tried again, is decided in `delivery`.
"""

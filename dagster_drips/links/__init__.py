"""The addresses a message carries, and the signed tokens in them.

Made here for messages and read here for the collector; what a request for one leads to is `collector`'s part.
"""

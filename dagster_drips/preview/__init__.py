"""Mails looked at before anybody gets them: rendered from the working files for a reader, on a page or as a test mail.

Nothing here is in a journal or counts anywhere.
"""

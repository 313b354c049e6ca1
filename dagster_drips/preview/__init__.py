"""Mails looked at before anybody gets them: rendered from the working files for one reader, and laid out on a page."""

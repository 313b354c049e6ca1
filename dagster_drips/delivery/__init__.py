"""From due rows to outcomes: what is sent, in which order, over which server, and what is written down of it.

`dispatch` is the way in. What a message says is `templating`'s and `message`'s part, talking to a mail server `smtp`'s.
Nothing here decides who gets mail, and nothing here knows of Dagster.
"""

"""Mail out: from the rows that SQL found due to a mail server's answer, kept in the delivery journal.

`dispatch` is the way in. `templates`, `message` and `sink` serve previews and tests as well. Nothing here decides who
gets mail, and nothing here knows of Dagster.
"""

"""What comes back by mail: bounces, complaints, replies, unsubscribe requests.

`inbox.read_inbox` is the way in. `mailbox` speaks IMAP, `classification` says what a mail is, and rows leave by the
landing folders. Nothing here opens the warehouse or knows of Dagster, and what follows from a fact is SQL's to decide.
"""

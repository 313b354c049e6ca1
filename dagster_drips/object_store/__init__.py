"""Object storage as the durable home of a project's files: what lies in `data/` is the working copy.

`port` says what a store can do, `s3` does it; `known_objects` remembers what is there; `landed` brings landing files in
and takes them out, `listing` finds what is new; `journaled` keeps the journal, `claims` those of a run while it sends,
`restoring` brings all of it back; `published` is what BI reads; `owner` says whose journal it is; `mirror` puts them
together for the phases of a tick. What the files mean is said by those who write them; nothing here reads a row.
Nothing is imported here, and the client only where `DRIPS_OBJECT_STORE_URL` is set.
"""

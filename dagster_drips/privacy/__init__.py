"""Privacy: everything that is known of one person, to be exported or erased.

`person` finds out by which ids and addresses somebody is known, `landing_rows`, `journal_rows` and `mail_files` know
what of each kind of file is theirs, `forget` and `export` use them. Who may still be mailed is decided in dbt.
"""

"""Privacy: everything that is known of one person, to be exported or erased.

`person` has by which ids and addresses somebody is known, `identities` asks dbt which anonymous ids are theirs,
`landing_rows` and `journal_rows` know what of each kind of file is theirs, `forget` and `export` use them. Who may
still be mailed is decided in dbt.
"""

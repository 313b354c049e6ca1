"""Landing: what others put into `data/landing` becomes rows in the schema `raw`, or of `raw.rejected_rows`.

`files` lists (with `folders`, `packs`), `readers` read, `kinds` checks (with `checks`, `fields`, `properties`, `times`,
`conversion`), `staging` moves rows into the warehouse, `load` drives them; `compaction` packs what is old, `writer` is
for processes that land rows themselves. Deciding anything about leads or sending is not done here. Nothing is imported
here: the collector needs `writer` without polars and DuckDB, which are 100 MB of memory a process.
"""

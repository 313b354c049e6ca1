"""The console's pages, a file each: what is asked stands in the .sql file of the same name, `show` lays it out.

Here belongs nothing that two pages need: that is `parts`, `charts` or `state`.
"""

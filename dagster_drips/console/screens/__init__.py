"""The console's pages, a file each: what is asked stands in the .sql file of the same name, `show` lays it out.

The folder is not called `pages`: of such a one beside its script Streamlit makes pages by itself.

Here belongs nothing that two pages need: that is `parts`, `charts` or `state`.
"""

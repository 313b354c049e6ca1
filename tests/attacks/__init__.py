"""Attacks on the product, a module a surface: what an outsider may send, and what must still hold.

Here belongs input made to do harm: to run code or SQL, to read or change what is another's, to stop the others' mail,
to exhaust memory or time. Input that is merely wrong is tested beside the package that reads it.
"""

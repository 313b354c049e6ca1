"""The assets of a tick, one module a phase; each calls the plain modules that do the work."""

"""Telling people what went wrong: each thing once to each target, until it is over.

Here belong who is told (`targets`), what is told and over (`incidents`), that it survives a restart (`memory`), and a
look at a project that does it all (`looking`). What is wrong is found by `pipeline.concerns`; when somebody looks is
the command's and Dagster's matter. Nothing here ever ends a tick.
"""

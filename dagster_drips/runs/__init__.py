"""A tick as it is lived without Dagster: the project's lock, the phases, checks, publishing, metrics; again and again.

Here belongs what stands around `Pipeline.tick` in one process that is no Dagster run. What a phase does is the
pipeline's; printing is the command's.
"""

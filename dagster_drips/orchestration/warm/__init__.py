"""Runs that begin in a process which has imported everything already.

`launcher` is what `run_launcher` in `dagster.yaml` names, and lives in Dagster's daemon; `server` is the process that
is kept warm and forks a process for each run; `processes` knows a process again; `sources` tells when what the server
holds is no longer what lies on disk; `later` keeps libraries that start threads out of it, and `records` has runs write
Dagster's records with less work.

What belongs here: how a run's process begins, is ended and is watched. What a run does is the jobs' matter, and holds
whatever starts it.
"""

#!/bin/sh
# Dagster in a container: code server, daemon and webserver. One container, as the run launcher forks runs from the daemon
# and knows them by their process numbers: who ends a run in the browser, or looks whether it goes on, has to see these.
#
# When the container is to stop, runs are told, too, and waited for: a container whose first process ends kills the others,
# and a message that is on its way then is in doubt. When one of the three ends, all do, and the container starts anew.
set -eu

# It ends every process that it may: only where the first one is this user's own, too, which is so in a container alone.
if [ "$(id -u)" = 0 ] || ! [ -O /proc/1 ]; then
    echo "$0: this is for a container that doesn't run as root" >&2
    exit 2
fi

# The project's dagster.yaml is that of its version; DAGSTER_HOME is a volume that outlives it.
cp dagster.yaml "$DAGSTER_HOME/dagster.yaml"
# Two processes that make Dagster's databases at once make them twice.
dagster instance info >/dev/null

# A shell has what it puts in the background ignore SIGINT, and Dagster takes SIGTERM for whatever SIGINT is.
start() { env --default-signal=INT "$@" & }

start dagster api grpc --module-name dagster_drips.definitions --host 127.0.0.1 --port 4000
code=$!
start dagster-daemon run --workspace deploy/workspace.yaml
daemon=$!
start dagster-webserver --host 0.0.0.0 --port 3000 --workspace deploy/workspace.yaml
webserver=$!

stopped=
trap 'stopped=yes' TERM INT
while [ -z "$stopped" ] && kill -0 "$code" && kill -0 "$daemon" && kill -0 "$webserver"; do
    sleep 2 &
    wait $! || true # a signal ends this at once
done
# Everybody in the container but this script and its first process; once, as a second signal ends what is under way.
kill -s TERM -- -1 2>/dev/null || true
while kill -s 0 -- -1 2>/dev/null; do sleep 1; done
[ -n "$stopped" ] # else one of them has failed, and so has this

#!/bin/bash
set -euo pipefail
export PGDATA=/data/db/postgres POSTGRES_USER=ferretdb POSTGRES_PASSWORD=unused POSTGRES_DB=stored
run.sh &
trap 'kill $(jobs -p); wait' EXIT
until pg_isready --quiet; do sleep 0.2; done
ferretdb 0.0.0.0:27017 postgres://ferretdb:unused@127.0.0.1:5432/stored &
trap 'exit 0' TERM
wait -n

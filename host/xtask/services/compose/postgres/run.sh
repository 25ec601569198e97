#!/bin/bash
set -euo pipefail
install --directory --owner postgres --mode 700 "$PGDATA"
as_postgres=(setpriv --reuid postgres --regid postgres --clear-groups)
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    password=$(mktemp)
    echo "$POSTGRES_PASSWORD" > "$password"
    chown postgres "$password"
    "${as_postgres[@]}" initdb --username "$POSTGRES_USER" --encoding UTF8 --locale C.UTF-8 --auth-local trust \
        --auth-host scram-sha-256 --pwfile "$password" > /dev/null
    rm "$password"
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | "${as_postgres[@]}" postgres --single postgres > /dev/null
fi
exec "${as_postgres[@]}" postgres -c 'listen_addresses=*'

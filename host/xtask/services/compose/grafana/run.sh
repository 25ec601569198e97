#!/bin/bash
set -euo pipefail
: "${GF_SECURITY_ADMIN_PASSWORD:?}" "${POSTGRES_PASSWORD:?}"
ls /etc/grafana/provisioning/{datasources,dashboards,alerting}/*.yaml /dashboards/*.json
exec busybox httpd -f -p 3000 -h /www

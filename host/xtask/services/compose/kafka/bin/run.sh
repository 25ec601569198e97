#!/bin/bash
# KAFKA_LOG_DIRS becomes log.dirs, and so on.
set -euo pipefail
properties=/etc/kafka/server.properties
env | grep '^KAFKA_' | grep -v '^KAFKA_HEAP_OPTS=' | while IFS='=' read -r name value; do
    key=${name#KAFKA_}
    key=${key,,}
    echo "${key//_/.}=$value"
done > "$properties"
java -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$properties"
exec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka "$properties"

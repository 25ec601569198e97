"""What a topic holds."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

PATIENCE_S = 60


def messages(bootstrap, topic):
    """Every committed message of a topic, partition by partition, in offset order."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "oracle", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(settings)
    try:
        for partition in consumer.list_topics(topic, 10).topics[topic].partitions:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            yield from _until_the_end(consumer, topic)
    finally:
        consumer.close()


def _until_the_end(consumer, topic):
    heard = time.monotonic()
    while time.monotonic() - heard < PATIENCE_S:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None:
                heard = time.monotonic()
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise RuntimeError(f"{topic}: {message.error()}")
    raise RuntimeError(f"{topic} cannot be read to its end")

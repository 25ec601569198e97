"""Rows as the stores have them: windows by (building, start in microseconds), anomalies by id."""

from datetime import datetime, timezone

import psycopg
import pymongo
from psycopg.rows import dict_row

ANSWER_MS = 20_000

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def micros(instant):
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class Postgres:
    name = "PostgreSQL"

    def __init__(self, url):
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)

    def counts(self):
        tables = ("aggregations", "anomalies")
        return tuple(self.connection.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"] for table in tables)

    def _rows(self, table):
        with self.connection.transaction(), self.connection.cursor(name="all") as cursor:
            yield from cursor.execute(f"SELECT * FROM {table}")

    def windows(self):
        return (((row["building"], micros(row["window_start"])), row) for row in self._rows("aggregations"))

    def anomalies(self):
        return ((str(row["id"]), row | {"detected_at": micros(row["detected_at"])}) for row in self._rows("anomalies"))


class Mongo:
    name = "MongoDB"

    def __init__(self, url, database):
        self.database = pymongo.MongoClient(url, serverSelectionTimeoutMS=ANSWER_MS, socketTimeoutMS=ANSWER_MS)[database]

    def counts(self):
        return tuple(self.database[table].count_documents({}) for table in ("aggregations", "anomalies"))

    def windows(self):
        return (((row["building"], micros(row["window_start"])), row) for row in self.database["aggregations"].find())

    def anomalies(self):
        return ((row["_id"], row | {"detected_at": micros(row["detected_at"])}) for row in self.database["anomalies"].find())

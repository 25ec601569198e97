"""Dashboards against Grafana's own schema: what its types do not know does not come back from them."""

import json
import re
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# What belongs to a data source, whose types are its own.
OF_DATA_SOURCES = re.compile(r"/annotations/list/\d+/(target/.*|titleFormat|textFormat|tagKeys)|/templating/list/\d+/definition")


def differences(written, known, path=""):
    if isinstance(written, dict) and isinstance(known, dict):
        for key, value in written.items():
            yield from differences(value, known.get(key), f"{path}/{key}")
    elif isinstance(written, list) and isinstance(known, list) and len(written) == len(known):
        for index, value in enumerate(written):
            yield from differences(value, known[index], f"{path}/{index}")
    elif written != known:
        yield f"{path}: {written!r} is {known!r} to Grafana"


def check(file):
    written = json.loads(file.read_text())
    known = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    return [difference for difference in differences(written, known) if not OF_DATA_SOURCES.match(difference)]


register_default_plugins()
found = [f"{file}{difference}" for file in map(Path, sys.argv[1:]) for difference in check(file)]
print("\n".join(found))
sys.exit(1 if found else 0)

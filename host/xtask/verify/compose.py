"""`compose.yaml` as its user has it: up, rows in both stores, a plugin dropped, services killed, down, down -v.

Run through `cargo xtask compose-test`, which starts a Docker daemon and makes the images. The working folder is a copy of what a user
has.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from compare import Comparison
from oracle import expect
from scorer import KMeans
from stores import Mongo, Postgres

PATIENCE_S = 240
BROKER, TOPIC = "localhost:29092", "university_consumption"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--override", required=True, type=Path, help="compose file with what stand-ins lack")
    parser.add_argument("--drop", required=True, type=Path, help="component that is dropped into the mounted folder")
    return parser.parse_args()


class Compose:
    def __init__(self, override):
        self.files = ["--file", "compose.yaml", "--file", str(override)]

    def command(self, *arguments):
        return ["docker", "compose", *self.files, *arguments]

    def run(self, *arguments):
        return output(self.command(*arguments))

    def fails(self, *arguments):
        """What it says."""
        ended = subprocess.run(self.command(*arguments), capture_output=True, text=True)
        assert ended.returncode != 0, f"docker compose {' '.join(arguments)} works"
        return ended.stderr

    def wattdog(self, *arguments):
        return json.loads(self.run("exec", "-T", "wattdog", "wattdog", *arguments, "--json"))

    def services(self):
        return [json.loads(line) for line in self.run("ps", "--all", "--format", "json").splitlines()]

    def inspect(self, service):
        return json.loads(docker("inspect", self.run("ps", "--quiet", "--all", service).strip()))[0]

    def kill(self, service):
        """As a crash does it: Docker does not start again what was stopped by its own command."""
        os.kill(self.inspect(service)["State"]["Pid"], signal.SIGKILL)


def docker(*arguments):
    return output(["docker", *arguments])


def output(command):
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


def main():
    args = arguments()
    compose = Compose(args.override)
    refused = compose.fails("up", "--detach")
    assert "copy .env.example to .env" in refused, refused
    passwords = make_secrets()
    told("without secrets", refused.strip().splitlines()[-1])
    # An earlier test may have been stopped half-way.
    compose.run("down", "--volumes")
    try:
        begin(compose)
        confined(compose)
        postgres = f"postgres://admin:{passwords['POSTGRES_PASSWORD']}@localhost:5432/energy_monitoring"
        stores = [lambda: Postgres(postgres), lambda: Mongo("mongodb://localhost:27017", "energy_monitoring")]
        rows_arrive(stores)
        dropped(compose, args.drop)
        for service in ("wattdog", "postgres", "kafka"):
            killed(compose, service, stores)
        nothing_lost(compose, stores)
        down_and_up(compose, stores)
    except BaseException:
        print(compose.run("logs", "--no-color", "--tail", "20"), file=sys.stderr)
        raise
    finally:
        compose.run("down", "--volumes", "--timeout", "45")
    left = [name for name in docker("volume", "ls", "--quiet").splitlines() if name.startswith("wattdog_")]
    assert not left, left
    told("down -v", "no container and no volume is left")


def make_secrets():
    """By the line of host/deploy/README.md."""
    readme = Path("host/deploy/README.md").read_text()
    line = next(line for line in readme.splitlines() if line.endswith(".env.example > .env"))
    subprocess.run(["bash", "-c", line], check=True)
    secrets = dict(line.split("=", 1) for line in Path(".env").read_text().splitlines() if "=" in line and line[0] != "#")
    assert len(set(secrets.values())) == 3 and all(len(secret) >= 20 for secret in secrets.values()), list(secrets)
    return secrets


def begin(compose):
    started = time.monotonic()
    compose.run("up", "--detach", "--wait", "--wait-timeout", str(PATIENCE_S))
    told("up", f"all healthy after {time.monotonic() - started:.1f} s")
    size = json.loads(docker("image", "inspect", "wattdog:latest"))[0]["Size"]
    told("image", f"{size / 2**20:.0f} MiB")
    compose.run("stop", "wattdog")
    started = time.monotonic()
    compose.run("start", "wattdog")
    eventually("wattdog answers", lambda: compose.wattdog("status"))
    told("start to ready", f"{time.monotonic() - started:.1f} s, with what compose takes")


def confined(compose):
    user = compose.run("exec", "-T", "wattdog", "id", "-u").strip()
    assert user == "10001", user
    assert compose.inspect("wattdog")["HostConfig"]["ReadonlyRootfs"]
    published = {p["URL"] for service in compose.services() for p in service["Publishers"] or [] if p["PublishedPort"]}
    assert published == {"127.0.0.1"}, published
    unlimited = [s["Service"] for s in compose.services() if not compose.inspect(s["Service"])["HostConfig"]["Memory"]]
    assert not unlimited, unlimited
    told("confined", f"user {user}, read-only, ports on {', '.join(published)} alone, every service with a limit of memory")


def rows_arrive(stores):
    def some():
        counts = [store().counts() for store in stores]
        return counts if all(min(each) > 0 for each in counts) else None

    counts = eventually("windows and anomalies in both stores", some)
    told("rows", f"(windows, anomalies) in PostgreSQL {counts[0]}, in MongoDB {counts[1]}")


def dropped(compose, component):
    shutil.copy(component, "plugins")
    name = component.stem

    def runs():
        plugin = next(plugin for plugin in compose.wattdog("plugin", "list") if plugin["name"] == name)
        return plugin if plugin["state"] == "active" and plugin["scored"] > 0 else None

    started = time.monotonic()
    plugin = eventually(f"{name} runs", runs)
    took = time.monotonic() - started
    told("dropped", f"{name} {plugin['version']} is active and has scored readings {took:.1f} s after the copy")


def killed(compose, service, stores):
    before = compose.inspect(service)["RestartCount"]
    counts = [store().counts() for store in stores]
    started = time.monotonic()
    compose.kill(service)
    eventually(f"{service} is started again", lambda: compose.inspect(service)["RestartCount"] > before)

    def healed():
        if any(each["Health"] != "healthy" or each["State"] != "running" for each in compose.services()):
            return False
        return all(store().counts()[0] > had[0] for store, had in zip(stores, counts))

    eventually("new windows in both stores", healed)
    told("killed", f"{service}: all healthy, new windows in both stores after {time.monotonic() - started:.1f} s")


def nothing_lost(compose, stores):
    """Every row of both stores against what follows from the topic; windows that are open yet are not compared."""
    compose.run("stop", "generator")
    expected = expect(BROKER, TOPIC, KMeans(Path("models/kmeans_energy.json"), Path("models/kmeans_energy.threshold.json")))

    def arrived():
        return all(w >= len(expected.windows) and a >= len(expected.anomalies) for w, a in (s().counts() for s in stores))

    eventually("all that was expected", arrived)
    for each in stores:
        store = each()
        comparison = Comparison(store.name)
        closed = [(key, row) for key, row in store.windows() if key in expected.windows]
        comparison.rows("aggregations", expected.windows, closed)
        found = [(key, row) for key, row in store.anomalies() if row["detector"] == KMeans.name]
        comparison.rows("anomalies", expected.anomalies, found)
        assert comparison.report(), store.name
        rows = f"{len(closed)} windows and {len(found)} anomalies of K-Means in {store.name}"
        told("equal", f"{rows}, each once, as recomputed from the topic")


def down_and_up(compose, stores):
    counts = [store().counts() for store in stores]
    compose.run("down", "--timeout", "45")
    assert not compose.services(), compose.services()
    compose.run("up", "--detach", "--wait", "--wait-timeout", str(PATIENCE_S))
    kept = [store().counts() for store in stores]
    assert all(now >= had for now, had in zip(kept, counts)), (counts, kept)
    told("down, up", f"rows are there: {kept}")


def eventually(what, look):
    """The first true answer; errors are answers that may change."""
    started, error = time.monotonic(), None
    while time.monotonic() - started < PATIENCE_S:
        try:
            if answer := look():
                return answer
        except Exception as caught:
            error = caught
        time.sleep(0.5)
    sys.exit(f"{what}: not within {PATIENCE_S} s; last error: {error}")


def told(what, how):
    print(f"{what:<16} {how}", flush=True)


if __name__ == "__main__":
    main()

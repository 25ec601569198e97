"""Drives every view of a running host in a real browser, and compares what it shows with the database.

    drive.py --page http://127.0.0.1:8080 --postgres postgres://… --pictures FOLDER [--send COMMAND]

`--send`: a shell command that sends one more reading; the page must show it within two seconds.
"""

import argparse
import csv
import io
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from psycopg.rows import dict_row

VIEWS = {"overview": "#/", "anomalies": "#/anomalies?span=all", "clusters": "#/clusters", "plugins": "#/plugins", "pipeline": "#/pipeline"}
#: Name, colour scheme, width and height.
SCREENS = [("light", "light", 1280, 900), ("dark", "dark", 1280, 900), ("phone", "light", 390, 844)]
BAD = ("serious", "critical")
PATIENCE_S = 30


class Faults(list):
    """What is wrong, in words; all of it is told at the end."""

    def unless(self, right, words):
        if not right:
            self.append(words)


class Page:
    """A browser on the host's page that notes what it complains of and whom it asks."""

    def __init__(self, browser, base, faults, scheme="light", width=1280, height=900):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, locale="en-GB")
        self.tab, self.base, self.faults = context.new_page(), base, faults
        self.tab.on("console", lambda message: message.type in ("error", "warning") and faults.append(f"console: {message.text}"))
        self.tab.on("pageerror", lambda error: faults.append(f"script: {error}"))
        self.tab.on("request", lambda request: faults.unless(request.url.startswith(base), f"asks another host: {request.url}"))

    def visit(self, address):
        self.tab.goto(f"{self.base}/{address}")
        # Another address of the same page is drawn with its next frame; until then it is the view before.
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
        self.until("document.querySelector('main h1') && !document.querySelector('main [role=status]')")
        expect(self.tab.locator("header .state")).to_have_text("Live")

    def until(self, expression):
        """Waits for a JavaScript expression; the page's own policy forbids the browser's way to wait for one."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.tab.evaluate(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {PATIENCE_S} s: {expression}")
            time.sleep(0.02)

    def texts(self, selector):
        return [text.strip() for text in self.tab.locator(selector).all_inner_texts()]

    def numbers(self, selector):
        return [number(text) for text in self.texts(selector)]


def number(text):
    """The first number of a text as people read it."""
    found = re.search(r"[\d,]+(?:\.\d+)?", text)
    return float(found.group().replace(",", "")) if found else None


def shown(value):
    """As the page rounds it."""
    return round(value) if abs(value) >= 100 else float(f"{value:.3g}")


def building_address(name):
    return f"#/building/{quote(name, safe='')}?span=365d"


def overview(page, database):
    page.visit(VIEWS["overview"])
    names = page.texts(".card h2")
    known = [row["building"] for row in database.execute("SELECT DISTINCT building FROM aggregations")]
    page.faults.unless(sorted(names) == sorted(known), f"overview: shows {names}, the database has {known}")
    sums = """SELECT building, sum(sum_electricity) AS e, sum(sum_water) AS w FROM aggregations
              WHERE window_start >= (SELECT date_trunc('day', max(window_start) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM aggregations)
              GROUP BY building"""
    for row in database.execute(sums):
        card = page.tab.locator(".card").filter(has=page.tab.get_by_role("link", name=row["building"], exact=True))
        today = [number(text) for text in card.locator(".measure > :last-child").all_inner_texts()]
        page.faults.unless(today == [shown(row["e"]), shown(row["w"])], f"overview: {row} is shown as {today}")


def building(page, database, name):
    page.visit(building_address(name))
    page.faults.unless(page.texts("main h1") == [name], f"building: the title of {name!r} is {page.texts('main h1')}")
    count = database.execute("SELECT count(*) AS n FROM anomalies WHERE building = %s", [name]).fetchone()["n"]
    told = number(page.tab.locator("main h2").last.inner_text())
    page.faults.unless(told == count, f"building: {name!r} has {count} anomalies, the page says {told}")
    page.faults.unless(page.tab.locator("wd-chart canvas").count() == 2, f"building: {name!r} has no two charts")
    # Zoom by mouse; the range goes to the address, and back again.
    chart = page.tab.locator("wd-chart .u-over").first
    box = chart.bounding_box()
    page.tab.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=4)
    page.tab.mouse.up()
    page.until("location.hash.includes('since=')")
    page.tab.get_by_role("button", name="Back to now").click()
    page.until("!location.hash.includes('since=')")


def anomalies(page, database):
    page.visit(VIEWS["anomalies"])
    first = database.execute("SELECT * FROM anomalies ORDER BY detected_at DESC, id DESC LIMIT 1").fetchone()
    row = page.tab.locator("table.findings tbody tr").first
    words = row.inner_text()
    for part in (first["building"], first["severity"], first["reason"], first["detector"]):
        page.faults.unless(part in words, f"anomalies: the first row lacks {part!r}: {words!r}")
    told = [number(text) for text in row.locator("td.number").all_inner_texts()]
    page.faults.unless(told == [shown(first["electricity"]), shown(first["water"])], f"anomalies: {first} is shown as {told}")
    page.tab.get_by_label("critical").check()
    page.until("[...document.querySelectorAll('.findings .badge')].every((badge) => badge.innerText === 'critical')")
    count = database.execute("SELECT count(*) AS n FROM anomalies WHERE severity = 'critical'").fetchone()["n"]
    with page.tab.expect_download() as download:
        page.tab.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    page.faults.unless(len(rows) == count, f"CSV: {len(rows)} rows, the database has {count}")
    buildings = {row["building"] for row in database.execute("SELECT building FROM anomalies WHERE severity = 'critical'")}
    page.faults.unless({row["building"] for row in rows} == buildings, "CSV: other buildings than the database has")


def others(page, database):
    page.visit(VIEWS["clusters"])
    label = page.tab.locator("wd-clusters").first.get_attribute("aria-label")
    page.faults.unless((number(label) or 0) > 0, f"clusters: {label!r}")
    page.visit(VIEWS["plugins"])
    page.faults.unless("active" in page.texts("main .badge"), "plugins: none is active")
    compared(page, database)
    page.visit(VIEWS["pipeline"])
    told = set(page.texts('[aria-label="Watermarks"] tbody tr td:first-child'))
    known = {row["building"] for row in database.execute("SELECT building FROM aggregations")}
    page.faults.unless(told == known, f"pipeline: watermarks of {told}")
    page.faults.unless("answers" in page.tab.locator("main").inner_text(), "pipeline: no store answers")


def compared(page, database):
    """What the detector in the shadow found beside the active one."""
    question = "SELECT count(*) AS found, count(*) FILTER (WHERE id NOT IN (SELECT id FROM anomalies)) AS alone FROM shadow_anomalies"
    row = database.execute(question).fetchone()
    words = f"Only kmeans-2: {row['alone']:,} of its {row['found']:,}"
    # The view does not wait for the comparison.
    page.until("document.querySelector('main h3')")
    page.faults.unless(row["alone"] > 0 and words in page.texts("main h3"), f"plugins: not {words!r}: {page.texts('main h3')}")


def live(page, send):
    """One more reading: how long until the page shows it."""
    page.visit(VIEWS["overview"])
    before = page.texts(".card .now")
    subprocess.run(send, shell=True, check=True)
    sent = time.monotonic()
    while page.texts(".card .now") == before and time.monotonic() - sent < 10:
        time.sleep(0.05)
    took = time.monotonic() - sent
    print(f"from a reading to the page: {took:.2f} s")
    page.faults.unless(took < 2, f"live: a reading shows after {took:.1f} s")


def looks(browser, base, faults, pictures, name):
    for screen, scheme, width, height in SCREENS:
        page = Page(browser, base, faults, scheme, width, height)
        for view, address in {**VIEWS, "building": building_address(name)}.items():
            page.visit(address)
            page.tab.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            page.tab.screenshot(path=pictures / f"{view}-{screen}.png", full_page=True)
            for fault in Axe().run(page.tab).response["violations"]:
                if fault["impact"] in BAD:
                    faults.append(f"{view}, {screen}: {fault['help']}: {fault['nodes'][0]['html'][:200]}")
            wide = page.tab.evaluate("document.documentElement.scrollWidth > innerWidth")
            faults.unless(not wide, f"{view}, {screen}: wider than the screen")


def odd_addresses(page):
    """What somebody made up, or cut off on its way: a view all the same, with the address's words or the overview."""
    for address, words in {
        "#/building/%E0%A4%A": "%E0%A4%A",
        "#/building/%": "%",
        "#/constructor": "Overview",
        "#/__proto__": "Overview",
    }.items():
        page.visit(address)
        page.faults.unless(words in page.tab.locator("main h1").inner_text(), f"{address} shows {page.texts('main h1')}")


def policy(page):
    answer = page.tab.request.get(f"{page.base}/")
    words = answer.headers.get("content-security-policy", "")
    page.faults.unless("default-src 'none'" in words and "unsafe" not in words, f"the page's Content-Security-Policy is {words!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", required=True)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--send")
    args = parser.parse_args()
    args.pictures.mkdir(parents=True, exist_ok=True)
    faults = Faults()
    with psycopg.connect(args.postgres, autocommit=True, row_factory=dict_row) as database, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = Page(browser, args.page, faults)
        overview(page, database)
        names = [row["building"] for row in database.execute("SELECT building FROM anomalies GROUP BY building ORDER BY count(*) DESC")]
        for name in names:
            building(page, database, name)
        anomalies(page, database)
        others(page, database)
        odd_addresses(page)
        policy(page)
        looks(browser, args.page, faults, args.pictures, names[0])
        if args.send:
            live(page, args.send)
        browser.close()
    for fault in dict.fromkeys(faults):
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

"""Every row of a store against what is expected: each once, equal to 1e-9, and no other."""

from collections import Counter

TOLERANCE = 1e-9
SHOWN = 5


class Comparison:
    def __init__(self, store):
        self.store, self.differences, self.largest = store, [], 0.0

    def rows(self, table, expected, actual):
        """`expected`: rows by key. `actual`: (key, row) of every row that is there."""
        times = Counter()
        for key, row in actual:
            times[key] += 1
            if key not in expected:
                self.differs(table, key, "is there and should not be")
            elif times[key] == 1:
                self.row(table, key, expected[key], row)
        for key in expected.keys() - times.keys():
            self.differs(table, key, "is missing")
        for key, count in times.items():
            if count > 1:
                self.differs(table, key, f"is there {count} times")
        return sum(times.values())

    def row(self, table, key, expected, row):
        for name, wanted in expected.items():
            got = row[name]
            if isinstance(wanted, float) and isinstance(got, (int, float)):
                error = abs(got - wanted) / max(abs(wanted), 1e-300) if got != wanted else 0.0
                self.largest = max(self.largest, error)
                if error <= TOLERANCE:
                    continue
            elif got == wanted:
                continue
            self.differs(table, key, f"{name} is {got!r}, expected {wanted!r}")

    def differs(self, table, key, how):
        self.differences.append(f"{self.store} {table} {key}: {how}")

    def report(self):
        for difference in self.differences[:SHOWN]:
            print(f"  DIFFERS  {difference}")
        if len(self.differences) > SHOWN:
            print(f"  … and {len(self.differences) - SHOWN} more")
        return not self.differences

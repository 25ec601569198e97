"""Every row of a store against what is expected: each once, equal to 1e-9, and no other."""

from collections import Counter

TOLERANCE = 1e-9
SHOWN = 5


class Comparison:
    def __init__(self, store):
        self.store, self.largest = store, 0.0
        self.lost, self.doubled, self.wrong = [], [], []

    def rows(self, table, expected, actual):
        """`expected`: rows by key. `actual`: (key, row) of every row that is there."""
        times = Counter()
        for key, row in actual:
            times[key] += 1
            if key not in expected:
                self._differs(self.wrong, table, key, "is there and should not be")
            elif times[key] == 1:
                self._row(table, key, expected[key], row)
        for key in expected.keys() - times.keys():
            self._differs(self.lost, table, key, "is missing")
        for key, count in times.items():
            if count > 1:
                self._differs(self.doubled, table, key, f"is there {count} times")
        return sum(times.values())

    def _row(self, table, key, expected, row):
        for name, wanted in expected.items():
            got = row.get(name)
            if isinstance(wanted, float) and isinstance(got, (int, float)):
                error = abs(got - wanted) / max(abs(wanted), 1e-300) if got != wanted else 0.0
                self.largest = max(self.largest, error)
                if error <= TOLERANCE:
                    continue
            elif got == wanted:
                continue
            self._differs(self.wrong, table, key, f"{name} is {got!r}, expected {wanted!r}")

    def _differs(self, kind, table, key, how):
        kind.append(f"{self.store} {table} {key}: {how}")

    def differences(self):
        return self.doubled + self.wrong + self.lost

    def report(self):
        differences = self.differences()
        for difference in differences[:SHOWN]:
            print(f"  DIFFERS  {difference}")
        if len(differences) > SHOWN:
            print(f"  … and {len(differences) - SHOWN} more")
        return not differences

"""A detector to copy: reports electricity that is unusual for the hour of the week.

A building repeats itself week by week: what is usual on a Tuesday at 14:00 says more about this Tuesday at 14:00 than any other
hour does. So each of the 168 hours of the week has a mean and a mean absolute deviation of its own, and forgets old weeks.
"""

import math

from wattdog_plugin import Column, Description, MeterDetector, Number, Param, export_detector, quantity

US_PER_HOUR = 3_600_000_000
HOURS_OF_WEEK = 168
# 1970-01-01 was a Thursday, and weeks begin on Monday.
THURSDAY_HOURS = 72
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
# Twice what is accepted is nothing that happens by chance.
CRITICAL_SCORE = 2.0


class HourOfWeek(MeterDetector):
    """What is kept about one meter."""

    def __init__(self):
        # By hour of the week: in how many weeks it was seen, the mean, and the mean absolute deviation from the mean.
        self.weeks = [0] * HOURS_OF_WEEK
        self.mean_kwh = [0.0] * HOURS_OF_WEEK
        self.deviation_kwh = [0.0] * HOURS_OF_WEEK
        # The hour under way, in hours since 1970. It is learned as a whole when a later one begins, so that a week counts once,
        # whether the meter speaks once or a thousand times in an hour.
        self.hour = None
        self.readings = 0
        self.sum_kwh = 0.0
        self.sum_deviation_kwh = 0.0

    @staticmethod
    def describe():
        return Description(
            "hour-of-week", "0.1.0", "Reports electricity that is unusual for the hour of the week.",
            inputs=[Column("electricity", "kWh")],
            params=[
                Param("allowed_deviations", "float", "A reading may be so many mean absolute deviations from the mean.",
                      default=6.0, minimum=0.1),
                Param("min_deviation_kwh", "float", "A reading this near to the mean is never reported.",
                      unit="kWh", default=5.0, minimum=0.001),
                Param("min_weeks", "integer", "An hour is judged once it was seen in so many weeks.", default=4, minimum=2),
                Param("memory_weeks", "integer", "Older weeks are forgotten little by little.", default=8, minimum=2),
            ],
            numbers=[Number("hour_of_week", "h", "Hours since Monday 00:00 UTC, 0 to 167.")],
        )

    def score(self, settings, row, verdict):
        value = row["electricity"]
        if math.isnan(value):
            # A missing reading says nothing about the meter, so nothing is said of it.
            return
        hour = row.event_time_us // US_PER_HOUR
        if self.hour is None or hour > self.hour:
            self.learn(settings)
            self.hour = hour
        slot = hour_of_week(hour)
        mean, learned = self.mean_kwh[slot], value
        if self.weeks[slot] >= settings.min_weeks:
            accepted = max(settings.allowed_deviations * self.deviation_kwh[slot], settings.min_deviation_kwh)
            verdict.score = abs(value - mean) / accepted
            low, high = mean - accepted, mean + accepted
            if verdict.score > 1.0:
                verdict.report(
                    "critical" if verdict.score >= CRITICAL_SCORE else "anomaly",
                    reason(value, low, high, slot),
                    expected={"electricity": (mean, low, high)},
                    blame={"electricity": 1.0},
                    numbers={"hour_of_week": slot},
                )
            # A spike is learned as the largest change that would have been accepted: it does not become usual at once, and a
            # change that stays does, in some weeks.
            learned = min(max(value, low), high)
        if hour == self.hour:
            # A reading that comes late, from an hour before, is judged and not learned.
            self.readings += 1
            self.sum_kwh += learned
            self.sum_deviation_kwh += abs(learned - mean)

    def learn(self, settings):
        """Adds the hour under way to its hour of the week."""
        if self.readings == 0:
            return
        slot = hour_of_week(self.hour)
        weeks = self.weeks[slot] + 1
        # A plain average of the first weeks, an exponentially weighted one later.
        self.weeks[slot] = weeks
        self.mean_kwh[slot] += (self.sum_kwh / self.readings - self.mean_kwh[slot]) / min(weeks, settings.memory_weeks)
        if weeks > 1:
            # In the first week there is no mean to deviate from.
            deviation = self.sum_deviation_kwh / self.readings
            self.deviation_kwh[slot] += (deviation - self.deviation_kwh[slot]) / min(weeks - 1, settings.memory_weeks)
        self.readings, self.sum_kwh, self.sum_deviation_kwh = 0, 0.0, 0.0


def hour_of_week(hour):
    return (hour + THURSDAY_HOURS) % HOURS_OF_WEEK


def reason(value, low, high, slot):
    side = "above" if value > high else "below"
    usual = f"{quantity(low)} to {quantity(high, 'kWh')}"
    return f"electricity {quantity(value, 'kWh')} is {side} the {usual} of a {DAYS[slot // 24]} at {slot % 24:02}:00 UTC"


Lifecycle, Detection = export_detector(HourOfWeek)

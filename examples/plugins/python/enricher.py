"""An enricher to copy: says of each reading which day it is from, and whether that is in working hours."""

from wattdog_plugin import Column, Description, InvalidConfig, MeterEnricher, Param, export_enricher

US_PER_HOUR = 3_600_000_000
# 1970-01-01 was a Thursday.
DAYS = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]


class WorkingHours(MeterEnricher):
    """Keeps nothing about a meter. An enricher that does has an `__init__` with attributes, as the detector has."""

    @staticmethod
    def describe():
        hour = dict(unit="h", minimum=0.0, maximum=24.0)
        return Description(
            "working-hours", "0.1.0", "Adds the day of the week, and whether it is in working hours.",
            outputs=[Column("open"), Column("day", text=True)],
            params=[
                Param("opens", "float", "Working hours begin at this hour, UTC.", default=8.0, **hour),
                Param("closes", "float", "Working hours end at this hour, UTC.", default=18.0, **hour),
                Param("closed_days", "text-list", "Days without working hours.", default=["Saturday", "Sunday"]),
            ],
        )

    @staticmethod
    def prepare(settings, model):
        for day in settings.closed_days:
            if day not in DAYS:
                raise InvalidConfig(f"`closed_days` has `{day}`, which is none of {', '.join(DAYS)}")

    def enrich(self, settings, row):
        days, hour = divmod(row.event_time_us / US_PER_HOUR, 24)
        day = DAYS[int(days) % 7]
        is_open = settings.opens <= hour < settings.closes and day not in settings.closed_days
        return {"open": 1.0 if is_open else 0.0, "day": day}


Lifecycle, Enrichment = export_enricher(WorkingHours)

-- One row for each window of each building; the last written is the true one.
CREATE TABLE aggregations (
    building        text             NOT NULL,
    window_start    text      NOT NULL,
    window_end      text      NOT NULL,
    count           integer           NOT NULL,
    avg_electricity real,
    min_electricity real,
    max_electricity real,
    sum_electricity real,
    avg_water       real,
    min_water       real,
    max_water       real,
    sum_water       real,
    revision        integer          NOT NULL DEFAULT 0,
    final           integer          NOT NULL,
    recorded_at     text      NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (building, window_start)
);
CREATE INDEX aggregations_window_start ON aggregations (window_start);

-- One row for each finding.
CREATE TABLE anomalies (
    id               text             PRIMARY KEY,
    detected_at      text      NOT NULL,
    building         text             NOT NULL,
    floor            integer,
    meter            text             NOT NULL,
    electricity      real,
    water            real,
    distance         real,
    threshold        real,
    cluster          integer,
    severity         text             NOT NULL,
    score            real,
    reason           text             NOT NULL,
    expected         text,
    context          text,
    detector         text             NOT NULL,
    detector_version text             NOT NULL,
    detector_digest  text             NOT NULL,
    source_partition integer          NOT NULL,
    source_offset    integer           NOT NULL,
    recorded_at      text      NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX anomalies_detected_at ON anomalies (detected_at);
CREATE INDEX anomalies_building ON anomalies (building);

-- Findings of detectors that run in the shadow.
CREATE TABLE shadow_anomalies (
    id               text             PRIMARY KEY,
    detected_at      text      NOT NULL,
    building         text             NOT NULL,
    floor            integer,
    meter            text             NOT NULL,
    electricity      real,
    water            real,
    distance         real,
    threshold        real,
    cluster          integer,
    severity         text             NOT NULL,
    score            real,
    reason           text             NOT NULL,
    expected         text,
    context          text,
    detector         text             NOT NULL,
    detector_version text             NOT NULL,
    detector_digest  text             NOT NULL,
    source_partition integer          NOT NULL,
    source_offset    integer           NOT NULL,
    recorded_at      text      NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

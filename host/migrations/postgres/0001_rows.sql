-- One row for each window of each building; the last written is the true one.
CREATE TABLE aggregations (
    building        text             NOT NULL,
    window_start    timestamptz      NOT NULL,
    window_end      timestamptz      NOT NULL,
    count           bigint           NOT NULL,
    avg_electricity double precision,
    min_electricity double precision,
    max_electricity double precision,
    sum_electricity double precision,
    avg_water       double precision,
    min_water       double precision,
    max_water       double precision,
    sum_water       double precision,
    revision        integer          NOT NULL DEFAULT 0,
    final           boolean          NOT NULL,
    recorded_at     timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (building, window_start)
);
CREATE INDEX aggregations_window_start ON aggregations (window_start);

-- One row for each finding.
CREATE TABLE anomalies (
    id               uuid             PRIMARY KEY,
    detected_at      timestamptz      NOT NULL,
    building         text             NOT NULL,
    floor            integer,
    meter            text             NOT NULL,
    electricity      double precision,
    water            double precision,
    distance         double precision,
    threshold        double precision,
    cluster          integer,
    severity         text             NOT NULL,
    score            double precision,
    reason           text             NOT NULL,
    expected         jsonb,
    context          jsonb,
    detector         text             NOT NULL,
    detector_version text             NOT NULL,
    detector_digest  text             NOT NULL,
    source_partition integer          NOT NULL,
    source_offset    bigint           NOT NULL,
    recorded_at      timestamptz      NOT NULL DEFAULT now()
);
CREATE INDEX anomalies_detected_at ON anomalies (detected_at);
CREATE INDEX anomalies_building ON anomalies (building);

-- Findings of detectors that run in the shadow.
CREATE TABLE shadow_anomalies (LIKE anomalies INCLUDING ALL);

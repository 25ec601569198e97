-- Old rows are found by their time, in all tables.
CREATE INDEX shadow_anomalies_detected_at ON shadow_anomalies (detected_at);

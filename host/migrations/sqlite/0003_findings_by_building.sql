-- The page asks for a building's findings of a year: the index by building alone leaves them to be sorted.
CREATE INDEX anomalies_building_detected_at ON anomalies (building, detected_at);
DROP INDEX anomalies_building;

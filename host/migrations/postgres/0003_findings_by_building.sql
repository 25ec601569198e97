-- The page asks for a building's findings of a year: with a thousand buildings, the index by time alone goes through all of theirs.
CREATE INDEX anomalies_building_detected_at ON anomalies (building, detected_at);

"""Distances of readings to the nearest of a model's centres: ((x - mean) / std) against `centroids_scaled`, as in training."""

import json
import math

from windows import MEASURES


class KMeans:
    name = "kmeans"

    def __init__(self, model, threshold):
        """Both are files."""
        fields = json.loads(model.read_text())
        self.features, self.mean, self.std = fields["features"], fields["mean"], fields["std"]
        self.centroids = fields["centroids_scaled"]
        self.threshold = json.loads(threshold.read_text())["threshold"]

    def finding(self, reading):
        """The columns of its own; None below the threshold."""
        values = dict(zip(MEASURES, reading.values))
        scaled = [(values[f] - m) / s for f, m, s in zip(self.features, self.mean, self.std)]
        distance, cluster = min((math.dist(scaled, centre), index) for index, centre in enumerate(self.centroids))
        if distance <= self.threshold:
            return None
        return {
            "distance": distance,
            "threshold": self.threshold,
            "score": distance / self.threshold,
            "cluster": cluster,
            "detector": self.name,
        }

"""Edge nodes: fleets behind links that may be down, their caches, metrics and models."""

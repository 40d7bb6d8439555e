"""Monitoring of the Kubernetes layer: alerts, dashboards and routes, as data and as a component."""

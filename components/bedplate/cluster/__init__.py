"""Kubernetes clusters: the control plane, its add-ons, and the machines that they need."""

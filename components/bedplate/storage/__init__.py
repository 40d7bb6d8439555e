"""Data: object stores (and, later, file systems)."""

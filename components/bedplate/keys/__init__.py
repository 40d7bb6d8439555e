"""Encryption keys that the customer owns."""

"""Alarms and the topics on which people hear of them."""

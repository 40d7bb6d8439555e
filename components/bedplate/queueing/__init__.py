"""Queues for accelerators: who may use how much of which pool, and what runs there."""

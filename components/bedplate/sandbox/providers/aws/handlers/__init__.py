"""One small module per group of AWS types; each class registers itself (see `aws/registry.py`)."""

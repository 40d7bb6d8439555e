"""The policy pack for encryption."""

from pathlib import Path

from bedplate_policies.pack import serve

serve(Path(__file__).resolve().parent, "encryption")

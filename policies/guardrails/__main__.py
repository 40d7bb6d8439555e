"""The policy pack for everything that keeps an environment safe besides encryption and money."""

from pathlib import Path

from bedplate_policies.pack import serve

serve(Path(__file__).resolve().parent, "guardrails")

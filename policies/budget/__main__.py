"""The policy pack for budgets."""

from pathlib import Path

from bedplate_policies.pack import serve

serve(Path(__file__).resolve().parent, "budget")

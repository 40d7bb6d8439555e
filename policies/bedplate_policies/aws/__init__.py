"""Rules for aws, one module per service."""

from bedplate_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = ()

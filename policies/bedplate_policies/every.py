"""All rules, in the order in which packs report them."""

from bedplate_policies import aws, budget, gcp, kubernetes
from bedplate_policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*aws.RULES, *gcp.RULES, *kubernetes.RULES, *budget.RULES)

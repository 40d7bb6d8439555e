"""The published controls that rules for AWS answer, by framework.

The numbers are those of Security Hub's AWS Foundational Security Best Practices standard and its other
standards, of the CIS AWS Foundations Benchmark 3.0.0, of the CIS Amazon EKS Benchmark 1.4.0 and of the
Well-Architected Framework (from memory; EC2.1 to EC2.25 as docs.aws.amazon.com/securityhub/latest/userguide,
ec2-controls, listed them, 2026-11). Where no number is certain, a rule cites the framework's practice.
"""

from __future__ import annotations

from bedplate_policies.rule import Control


def fsbp(*ids: str) -> tuple[Control, ...]:
    """Controls of the AWS Foundational Security Best Practices standard."""
    return tuple(Control("AWS FSBP", id) for id in ids)


def security_hub(*ids: str) -> tuple[Control, ...]:
    """Controls of Security Hub that another of its standards (NIST SP 800-53, CIS) switches on."""
    return tuple(Control("AWS Security Hub", id) for id in ids)


def cis(*ids: str) -> tuple[Control, ...]:
    """Recommendations of the CIS AWS Foundations Benchmark."""
    return tuple(Control("CIS AWS Foundations 3.0.0", id) for id in ids)


def cis_eks(*ids: str) -> tuple[Control, ...]:
    """Recommendations of the CIS Amazon EKS Benchmark."""
    return tuple(Control("CIS Amazon EKS 1.4.0", id) for id in ids)


def well_architected(*ids: str) -> tuple[Control, ...]:
    """Practices of the AWS Well-Architected Framework."""
    return tuple(Control("AWS Well-Architected", id) for id in ids)


# Practices that several rules answer.
AT_REST = well_architected("SEC08-BP02")
IN_TRANSIT = well_architected("SEC09-BP02")
KEYS = well_architected("SEC08-BP01")
PUBLIC_ACCESS = well_architected("SEC03-BP07")
LEAST_PRIVILEGE = well_architected("SEC03-BP02")
LOGGING = well_architected("SEC04-BP01")
BACKUPS = well_architected("REL09-BP03")
NETWORK = well_architected("SEC05-BP02")
PATCHING = well_architected("SEC06-BP01")
HANDS_OFF = well_architected("SEC06-BP03")
TEMPORARY_CREDENTIALS = well_architected("SEC02-BP02")
STORED_SECRETS = well_architected("SEC02-BP03")
COST_ALLOCATION = well_architected("COST03-BP02")

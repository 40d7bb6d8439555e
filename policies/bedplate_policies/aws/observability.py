"""CloudWatch logs and alarms, CloudTrail, GuardDuty."""

from __future__ import annotations

from bedplate_policies.aws.controls import KEYS, LOGGING, cis, fsbp, security_hub
from bedplate_policies.checks import (
    all_of,
    at_least,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
)
from bedplate_policies.rule import AnyRule, Severity, rule

_LOGS = "aws:cloudwatch/logGroup:LogGroup"
_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
_TRAIL = "aws:cloudtrail/trail:Trail"
_LAKE = "aws:cloudtrail/eventDataStore:EventDataStore"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-logs-customer-key",
        description="Log groups are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key that CloudWatch Logs may use.",
        controls=KEYS,
        types=(_LOGS,),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-logs-retention",
        description="Log groups say how long they keep logs; without it they keep, and cost, for ever.",
        severity=Severity.MEDIUM,
        remediation="Set retention_in_days.",
        controls=(*security_hub("CloudWatch.16"), *LOGGING),
        types=(_LOGS,),
        # 365 days is Security Hub's own default; development environments keep less.
        check=at_least("retentionInDays", 14, option="fewest_days"),
    ),
    rule(
        name="aws-cloudwatch-alarm-actions",
        description="Alarms tell somebody.",
        severity=Severity.LOW,
        remediation="Set alarm_actions to a topic and leave actions_enabled on.",
        controls=security_hub("CloudWatch.15", "CloudWatch.17"),
        types=(_ALARM,),
        check=all_of(must_be_set("alarmActions"), must_not_be("actionsEnabled", False)),
    ),
    rule(
        name="aws-cloudtrail-customer-key",
        description="Trails are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key that CloudTrail may use.",
        controls=(*fsbp("CloudTrail.2"), *cis("3.5")),
        types=(_TRAIL, _LAKE),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-cloudtrail-validation",
        description="Trails show whether somebody changed them.",
        severity=Severity.MEDIUM,
        remediation="Set enable_log_file_validation=True.",
        controls=(*fsbp("CloudTrail.4"), *cis("3.2")),
        types=(_TRAIL,),
        check=must_equal("enableLogFileValidation", True),
    ),
    rule(
        name="aws-cloudtrail-all-regions",
        description="Trails record every region and the global services.",
        severity=Severity.HIGH,
        remediation="Set is_multi_region_trail=True and leave include_global_service_events on.",
        controls=(*fsbp("CloudTrail.1"), *cis("3.1")),
        types=(_TRAIL,),
        check=all_of(
            must_equal("isMultiRegionTrail", True),
            must_not_be("includeGlobalServiceEvents", False),
            must_not_be("enableLogging", False),
        ),
    ),
    rule(
        name="aws-cloudtrail-to-logs",
        description="Trails arrive in CloudWatch Logs, where alarms see them.",
        severity=Severity.LOW,
        remediation="Set cloud_watch_logs_group_arn and cloud_watch_logs_role_arn.",
        controls=fsbp("CloudTrail.5"),
        types=(_TRAIL,),
        enforcement="advisory",
        check=must_be_given("cloudWatchLogsGroupArn"),
    ),
    rule(
        name="aws-cloudtrail-lake-protected",
        description="CloudTrail Lake stores are not deleted by accident.",
        severity=Severity.MEDIUM,
        remediation="Leave termination_protection_enabled on.",
        controls=LOGGING,
        types=(_LAKE,),
        check=must_not_be("terminationProtectionEnabled", False),
    ),
    rule(
        name="aws-guardduty-enabled",
        description="GuardDuty is not suspended.",
        severity=Severity.HIGH,
        remediation="Leave enable out, or set it to True.",
        controls=fsbp("GuardDuty.1"),
        types=("aws:guardduty/detector:Detector",),
        check=must_not_be("enable", False),
    ),
)

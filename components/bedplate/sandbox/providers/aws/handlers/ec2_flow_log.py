"""VPC flow logs."""

from typing import ClassVar

from bedplate.sandbox.providers.aws.base import REGISTRY
from bedplate.sandbox.providers.aws.handlers.ec2_base import REGION, Ec2Handler
from bedplate.sandbox.providers.aws.handlers.ec2_checks import Problem, enum, matching
from bedplate.sandbox.providers.aws.handlers.property_names import pascal
from bedplate.sandbox.providers.handler import CloudError, Context, JsonObject, Reference

# Input -> ResourceType of CreateFlowLogs
_SUBJECTS = {
    "vpcId": "VPC",
    "subnetId": "Subnet",
    "eniId": "NetworkInterface",
    "transitGatewayId": "TransitGateway",
    "transitGatewayAttachmentId": "TransitGatewayAttachment",
}


@REGISTRY.register
class FlowLog(Ec2Handler):
    token = "aws:ec2/flowLog:FlowLog"
    tag_type = "vpc-flow-log"
    arn_type = "vpc-flow-log"
    describe = ("describe_flow_logs", "FlowLogIds", "FlowLogs")
    replace_on = REGION | {
        *_SUBJECTS,
        "deliverCrossAccountRole",
        "destinationOptions",
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "trafficType",
    }
    # The same subject and destination are refused while the old one exists.
    delete_before_replace = True
    defaults: ClassVar = {"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600}
    one_of = (tuple(_SUBJECTS),)
    references = (Reference("iamRoleArn", "iam:role"),)
    # EC2 API reference, CreateFlowLogs (from memory).
    checks: ClassVar = {
        "trafficType": enum("ACCEPT", "REJECT", "ALL"),
        "logDestinationType": enum("cloud-watch-logs", "s3", "kinesis-data-firehose"),
        "maxAggregationInterval": enum(60, 600),
        "iamRoleArn": matching(r"arn:[^:]+:iam::\d{12}:role/.+", "must be the ARN of an IAM role"),
        "logDestination": matching(
            r"arn:[^:]+:(logs|s3|firehose):.+", "must be the ARN of a log group, bucket or stream"
        ),
    }
    shows: ClassVar = {
        "trafficType": "TrafficType",
        "maxAggregationInterval": "MaxAggregationInterval",
        "logDestinationType": "LogDestinationType",
        "logFormat": "LogFormat",
    }

    def rules(self, ctx: Context, inputs: JsonObject) -> list[Problem]:
        kind = inputs.get("logDestinationType", "cloud-watch-logs")
        problems = []
        if not inputs.get("logDestination") and "logDestination" not in ctx.unknown:
            problems.append(("logDestination", "is missing; give the ARN of a log group or of a bucket"))
        has_role = inputs.get("iamRoleArn") or "iamRoleArn" in ctx.unknown
        if kind == "cloud-watch-logs" and not has_role:
            problems.append(("iamRoleArn", "delivery to CloudWatch Logs needs a role; give its ARN"))
        if kind == "s3" and has_role:
            problems.append(("iamRoleArn", "delivery to S3 takes no role; leave it out"))
        if inputs.get("trafficType") and any(inputs.get(name) for name in list(_SUBJECTS)[3:]):
            problems.append(("trafficType", "transit gateways log all traffic; leave it out"))
        destination = str(inputs.get("logDestination") or "")
        service = {"cloud-watch-logs": "logs", "s3": "s3", "kinesis-data-firehose": "firehose"}.get(str(kind))
        if destination.startswith("arn:") and service and destination.split(":")[2] != service:
            problems.append(
                ("logDestination", f"{destination!r} does not fit logDestinationType {kind}; change one")
            )
        return problems

    def make(self, ctx: Context, inputs: JsonObject) -> tuple[str, JsonObject]:
        subject = next(name for name in _SUBJECTS if inputs.get(name))
        kind = inputs.get("logDestinationType", "cloud-watch-logs")
        call: JsonObject = {
            "ResourceType": _SUBJECTS[subject],
            "ResourceIds": [inputs[subject]],
            "LogDestinationType": kind,
            "MaxAggregationInterval": inputs.get("maxAggregationInterval", 600),
        }
        for parameter, name in (
            ("TrafficType", "trafficType"),
            ("LogFormat", "logFormat"),
            ("DeliverLogsPermissionArn", "iamRoleArn"),
            ("DeliverCrossAccountRole", "deliverCrossAccountRole"),
            ("LogDestination", "logDestination"),
        ):
            if inputs.get(name):
                call[parameter] = inputs[name]
        if inputs.get("destinationOptions"):
            call["DestinationOptions"] = pascal(inputs["destinationOptions"])
        answer = self.client(ctx).create_flow_logs(**call, **self.tagging(ctx, inputs))
        if answer.get("Unsuccessful"):
            error = answer["Unsuccessful"][0]["Error"]
            raise CloudError(error["Code"], f"{error['Message']} Create the destination first.")
        return answer["FlowLogIds"][0], {"LogFormat": _FORMAT, **call}

    def shown(self, ctx: Context, seen: JsonObject, state: JsonObject) -> JsonObject:
        return {
            "iamRoleArn": seen.get("DeliverLogsPermissionArn"),
            "logDestination": seen.get("LogDestination") or state.get("logDestination"),
        }

    def remove(self, ctx: Context, id: str, state: JsonObject) -> None:
        self.client(ctx).delete_flow_logs(FlowLogIds=[id])


_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)

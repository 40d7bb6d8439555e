"""A private, encrypted bucket for data sets, and a role that may read it.

bedplate sandbox up dev      on emulated AWS
pulumi up --stack dev        on your account
"""

import json

import pulumi
from pulumi_aws import iam

from bedplate.keys.aws import AwsKey, AwsKeyArgs
from bedplate.storage.object_aws import AwsObjectStore, AwsObjectStoreArgs

config = pulumi.Config()
region = pulumi.Config("aws").require("region")

key = AwsKey("datasets-key", AwsKeyArgs(region=region, deletion_window_in_days=7))
store = AwsObjectStore(
    "datasets", AwsObjectStoreArgs(region=region, key=key.handle, deletion_protection=False)
)

trust = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
reader = iam.Role(config.require("reader"), assume_role_policy=json.dumps(trust))
store.grant_read("reader", reader.name)

pulumi.export("uri", store.uri)
pulumi.export("reader", reader.name)

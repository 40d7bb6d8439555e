"""SageMaker, Bedrock and Managed Airflow."""

from __future__ import annotations

from bedplate_policies.aws.controls import KEYS, LOGGING, NETWORK, fsbp, security_hub
from bedplate_policies.checks import (
    all_of,
    any_of,
    at_least,
    equals,
    is_set,
    must_be_given,
    must_be_set,
    must_equal,
    must_not_be,
    when,
)
from bedplate_policies.rule import AnyRule, Severity, rule

_NOTEBOOK = "aws:sagemaker/notebookInstance:NotebookInstance"
_DOMAIN = "aws:sagemaker/domain:Domain"
_ENDPOINT = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_MODEL = "aws:sagemaker/model:Model"
_FEATURES = "aws:sagemaker/featureGroup:FeatureGroup"
_CUSTOM_MODEL = "aws:bedrock/customModel:CustomModel"
_AGENT = "aws:bedrock/agentAgent:AgentAgent"
_INVOCATIONS = "aws:bedrockmodel/invocationLoggingConfiguration:InvocationLoggingConfiguration"
_AIRFLOW = "aws:mwaa/environment:Environment"

RULES: tuple[AnyRule, ...] = (
    rule(
        name="aws-sagemaker-notebook-no-internet",
        description="Notebook instances reach the internet through the VPC only.",
        severity=Severity.HIGH,
        remediation='Set direct_internet_access="Disabled", subnet_id and security_groups.',
        controls=fsbp("SageMaker.1"),
        types=(_NOTEBOOK,),
        check=must_equal("directInternetAccess", "Disabled"),
    ),
    rule(
        name="aws-sagemaker-notebook-vpc",
        description="Notebook instances stand in a VPC of yours.",
        severity=Severity.HIGH,
        remediation="Set subnet_id.",
        controls=fsbp("SageMaker.2"),
        types=(_NOTEBOOK,),
        check=must_be_given("subnetId"),
    ),
    rule(
        name="aws-sagemaker-notebook-no-root",
        description="Users of a notebook instance are not root on it.",
        severity=Severity.MEDIUM,
        remediation='Set root_access="Disabled".',
        controls=fsbp("SageMaker.3"),
        types=(_NOTEBOOK,),
        check=must_equal("rootAccess", "Disabled"),
    ),
    rule(
        name="aws-sagemaker-notebook-imdsv2",
        description=(
            "Notebook instances give credentials only to session-oriented metadata requests (IMDSv2)."
        ),
        severity=Severity.HIGH,
        remediation=(
            'Set instance_metadata_service_configuration.minimum_instance_metadata_service_version="2".'
        ),
        controls=NETWORK,
        types=(_NOTEBOOK,),
        check=must_equal("instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion", "2"),
    ),
    rule(
        name="aws-sagemaker-customer-key",
        description="Notebook instances and domains are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_id to the ARN of a key of yours.",
        controls=KEYS,
        types=(_NOTEBOOK, _DOMAIN),
        group="encryption",
        check=must_be_given("kmsKeyId"),
    ),
    rule(
        name="aws-sagemaker-domain-vpc-only",
        description="Studio reaches the internet through the VPC only.",
        severity=Severity.HIGH,
        remediation='Set app_network_access_type="VpcOnly".',
        controls=NETWORK,
        types=(_DOMAIN,),
        check=must_equal("appNetworkAccessType", "VpcOnly"),
    ),
    rule(
        name="aws-sagemaker-endpoint-customer-key",
        description="Disks of endpoints are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key_arn to the ARN of a key of yours.",
        controls=KEYS,
        types=(_ENDPOINT,),
        group="encryption",
        check=must_be_given("kmsKeyArn"),
    ),
    rule(
        name="aws-sagemaker-endpoint-capture-customer-key",
        description="What endpoints capture of requests is encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set data_capture_config.kms_key_id.",
        controls=KEYS,
        types=(_ENDPOINT,),
        group="encryption",
        check=when(
            equals("dataCaptureConfig.enableCapture", True), must_be_given("dataCaptureConfig.kmsKeyId")
        ),
    ),
    rule(
        name="aws-sagemaker-endpoint-instances",
        description="Endpoints outlive a machine.",
        severity=Severity.LOW,
        remediation="Set initial_instance_count=2 or more in each of production_variants.",
        controls=fsbp("SageMaker.4"),
        types=(_ENDPOINT,),
        # One GPU machine is often all that a team can pay for.
        enforcement="advisory",
        check=at_least(
            "productionVariants[].initialInstanceCount", 2, option="fewest_instances", missing="ok"
        ),
    ),
    rule(
        name="aws-sagemaker-model-network-isolation",
        description="Models call nobody: their containers have no network.",
        severity=Severity.MEDIUM,
        remediation="Set enable_network_isolation=True.",
        controls=security_hub("SageMaker.5"),
        types=(_MODEL,),
        enforcement="advisory",
        check=must_equal("enableNetworkIsolation", True),
    ),
    rule(
        name="aws-sagemaker-feature-store-customer-key",
        description="Feature stores are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation=(
            "Set offline_store_config.s3_storage_config.kms_key_id and "
            "online_store_config.security_config.kms_key_id."
        ),
        controls=KEYS,
        types=(_FEATURES,),
        group="encryption",
        check=all_of(
            when(is_set("offlineStoreConfig"), must_be_given("offlineStoreConfig.s3StorageConfig.kmsKeyId")),
            when(
                equals("onlineStoreConfig.enableOnlineStore", True),
                must_be_given("onlineStoreConfig.securityConfig.kmsKeyId"),
            ),
        ),
    ),
    rule(
        name="aws-bedrock-custom-model-customer-key",
        description="Models that Bedrock trains for you are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set custom_model_kms_key_id.",
        controls=KEYS,
        types=(_CUSTOM_MODEL,),
        group="encryption",
        check=must_be_given("customModelKmsKeyId"),
    ),
    rule(
        name="aws-bedrock-custom-model-vpc",
        description="Bedrock reads training data through a VPC of yours.",
        severity=Severity.LOW,
        remediation="Set vpc_config.subnet_ids and vpc_config.security_group_ids.",
        controls=NETWORK,
        types=(_CUSTOM_MODEL,),
        enforcement="advisory",
        check=must_be_set("vpcConfig.subnetIds"),
    ),
    rule(
        name="aws-bedrock-agent-customer-key",
        description="Bedrock agents are encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set customer_encryption_key_arn.",
        controls=KEYS,
        types=(_AGENT,),
        group="encryption",
        check=must_be_given("customerEncryptionKeyArn"),
    ),
    rule(
        name="aws-bedrock-invocation-logs",
        description="Bedrock records prompts and answers where you say.",
        severity=Severity.LOW,
        remediation="Set logging_config.cloudwatch_config or logging_config.s3_config.",
        controls=LOGGING,
        types=(_INVOCATIONS,),
        check=any_of(
            must_be_given("loggingConfig.cloudwatchConfig.logGroupName"),
            must_be_given("loggingConfig.s3Config.bucketName"),
        ),
    ),
    rule(
        name="aws-mwaa-customer-key",
        description="Managed Airflow is encrypted with a customer-managed key.",
        severity=Severity.MEDIUM,
        remediation="Set kms_key to the ARN of a key of yours.",
        controls=KEYS,
        types=(_AIRFLOW,),
        group="encryption",
        check=must_be_given("kmsKey"),
    ),
    rule(
        name="aws-mwaa-private",
        description="Airflow's web server is reached from inside the network.",
        severity=Severity.HIGH,
        remediation='Leave webserver_access_mode out, or set "PRIVATE_ONLY".',
        controls=NETWORK,
        types=(_AIRFLOW,),
        check=must_not_be("webserverAccessMode", "PUBLIC_ONLY"),
    ),
)

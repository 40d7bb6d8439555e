"""Logical names of resources, and the cloud's own rules for the names that others must know."""

import re
from dataclasses import dataclass

# A logical name becomes part of a URN and of generated physical names: the strictest common charset.
_LOGICAL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_LOGICAL = 200


def child(name: str, part: str) -> str:
    """The logical name of a component's child: `<name>-<part>`. Raises ValueError where a part is empty."""
    if not name or not part:
        raise ValueError(f"the name of a child needs both parts; got {name!r} and {part!r}; give both")
    return f"{name}-{part}"


def validate_name(name: str) -> str:
    """A component's logical name, given back. Raises ValueError unless it is lower-case words and hyphens."""
    if len(name) > _LONGEST_LOGICAL:
        raise ValueError(
            f"{name[:40]!r}... has {len(name)} characters; at most {_LONGEST_LOGICAL} are allowed; shorten it"
        )
    if not _LOGICAL.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid name; allowed are lower-case letters, digits and single hyphens, "
            f"beginning with a letter{_suggestion(name)}"
        )
    return name


def _suggestion(name: str) -> str:
    fixed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    fixed = re.sub(r"^[0-9-]+", "", fixed)[:_LONGEST_LOGICAL]
    return f"; {fixed!r} would do" if _LOGICAL.fullmatch(fixed) else "; choose another"


@dataclass(frozen=True)
class NameRule:
    """How the cloud names one kind of resource. Lengths in characters; `source` is the vendor's document."""

    kind: str
    shortest: int
    longest: int
    pattern: re.Pattern[str]
    allowed: str
    source: str

    def check(self, name: str) -> str:
        """The name, given back. Raises ValueError with the value, the rule and what to do."""
        if not self.shortest <= len(name) <= self.longest:
            advice = "shorten it" if len(name) > self.longest else "lengthen it"
            raise ValueError(
                f"{name[:80]!r} is {len(name)} characters long; the name of {self.kind} has "
                f"{self.shortest} to {self.longest}; {advice}"
            )
        if not self.pattern.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of {self.kind}; allowed are {self.allowed}; rename it")
        return name

    def room_for(self, suffix: str) -> int:
        """How many characters of a name are left once `suffix` (say, Pulumi's random one) is appended."""
        return max(0, self.longest - len(suffix))


EKS_CLUSTER = NameRule(
    "an EKS cluster",
    1,
    100,
    re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*"),
    "letters, digits, hyphens and underscores, beginning with a letter or digit",
    "Amazon EKS API Reference, CreateCluster, name",
)
EKS_NODE_GROUP = NameRule(
    "an EKS node group",
    1,
    63,
    re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*"),
    "letters, digits, hyphens and underscores, beginning with a letter or digit",
    "Amazon EKS User Guide, Create a managed node group, name",
)
IAM_ROLE = NameRule(
    "an IAM role",
    1,
    64,
    re.compile(r"[\w+=,.@-]+", re.ASCII),
    "letters, digits and _+=,.@-",
    "AWS IAM API Reference, CreateRole, RoleName",
)
IAM_POLICY = NameRule(
    "an IAM policy",
    1,
    128,
    re.compile(r"[\w+=,.@-]+", re.ASCII),
    "letters, digits and _+=,.@-",
    "AWS IAM API Reference, CreatePolicy, PolicyName",
)
LAUNCH_TEMPLATE = NameRule(
    "a launch template",
    3,
    128,
    re.compile(r"[a-zA-Z0-9().\-/_]+"),
    "letters, digits and ().-/_",
    "Amazon EC2 API Reference, CreateLaunchTemplate, LaunchTemplateName",
)
PLACEMENT_GROUP = NameRule(
    "a placement group",
    1,
    255,
    re.compile(r"[\x20-\x7e]+"),
    "ASCII characters",
    "Amazon EC2 API Reference, CreatePlacementGroup, GroupName",
)
SNS_TOPIC = NameRule(
    "an SNS topic",
    1,
    256,
    re.compile(r"[A-Za-z0-9_-]+(\.fifo)?"),
    "letters, digits, hyphens and underscores",
    "Amazon SNS API Reference, CreateTopic, Name",
)
LOG_GROUP = NameRule(
    "a CloudWatch log group",
    1,
    512,
    re.compile(r"[.\-_/#A-Za-z0-9]+"),
    "letters, digits and _-/.#",
    "Amazon CloudWatch Logs API Reference, CreateLogGroup, logGroupName",
)
KMS_ALIAS = NameRule(
    "a KMS alias",
    7,
    256,
    re.compile(r"alias/(?!aws/)[a-zA-Z0-9/_-]+"),
    "'alias/' followed by letters, digits and /_-, and not 'alias/aws/'",
    "AWS KMS API Reference, CreateAlias, AliasName",
)
_S3 = NameRule(
    "an S3 bucket",
    3,
    63,
    re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]"),
    "lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit",
    "Amazon S3 User Guide, General purpose bucket naming rules",
)
_S3_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_S3_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")


def validate_bucket_name(name: str) -> str:
    """A general purpose S3 bucket's name, given back.

    Raises ValueError. Dots are allowed by S3 and refused here: a bucket with a dot in its name fails the TLS
    host check of virtual-hosted addresses (Amazon S3 User Guide, General purpose bucket naming rules).
    """
    _S3.check(name)
    if re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", name):
        raise ValueError(f"{name!r} looks like an IP address, which S3 refuses as a bucket's name; rename it")
    if "." in name:
        raise ValueError(
            f"{name!r} holds a dot, which breaks TLS to the bucket's own address; use hyphens instead"
        )
    for prefix in _S3_PREFIXES:
        if name.startswith(prefix):
            raise ValueError(f"{name!r} begins with {prefix!r}, which S3 keeps for itself; rename the bucket")
    for suffix in _S3_SUFFIXES:
        if name.endswith(suffix):
            raise ValueError(f"{name!r} ends with {suffix!r}, which S3 keeps for itself; rename the bucket")
    return name

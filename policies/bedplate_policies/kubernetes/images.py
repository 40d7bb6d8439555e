"""Images: which one a container runs, and whether it is the same one tomorrow."""

from collections.abc import Iterator

from bedplate_policies.checks import custom
from bedplate_policies.kubernetes.controls import cis, kubernetes
from bedplate_policies.kubernetes.workloads import TYPES, every_container
from bedplate_policies.resource import Resource
from bedplate_policies.rule import AnyRule, Config, Finding, Option, Severity, rule
from bedplate_policies.value import UNKNOWN


def tag_of(image: str) -> str:
    """The tag of an image's name, empty without one."""
    last = image.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2]


def _fixed_tag(container: Resource, config: Config) -> Iterator[Finding]:
    image, where = container.get("image"), container.path("image")
    if image is UNKNOWN:
        yield Finding.undetermined(where)
    elif isinstance(image, str) and "@sha256:" not in image and tag_of(image) in ("", "latest"):
        yield Finding.violation(
            f"{where} has no tag, or the tag latest, which means another image tomorrow", where
        )


def _digest(container: Resource, config: Config) -> Iterator[Finding]:
    image, where = container.get("image"), container.path("image")
    if image is UNKNOWN:
        yield Finding.undetermined(where)
    elif isinstance(image, str) and "@sha256:" not in image:
        yield Finding.violation(f"{where} has no digest", where)


def _registry(container: Resource, config: Config) -> Iterator[Finding]:
    image, where = container.get("image"), container.path("image")
    allowed = config.strings("allowed_registries")
    if not allowed:
        return
    if image is UNKNOWN:
        yield Finding.undetermined(where)
    elif isinstance(image, str) and not any(
        image == one or image.startswith(one.rstrip("/") + "/") for one in allowed
    ):
        yield Finding.violation(f"{where} is from no registry that allowed_registries names", where)


def _pull_policy(container: Resource, config: Config) -> Iterator[Finding]:
    policy, image = container.get("imagePullPolicy"), container.get("image")
    where = container.path("imagePullPolicy")
    if policy is UNKNOWN:
        yield Finding.undetermined(where)
    elif policy == "Never":
        yield Finding.violation(f"{where} is Never: the node's own image runs, whoever put it there", where)
    elif policy == "IfNotPresent" and isinstance(image, str) and tag_of(image) == "latest":
        yield Finding.violation(
            f"{where} is IfNotPresent with the tag latest: nodes run different images", where
        )


RULES: tuple[AnyRule, ...] = (
    rule(
        name="kubernetes-image-tag",
        description="Containers run images of a fixed version.",
        severity=Severity.MEDIUM,
        remediation="Name a tag other than latest in image, or a digest.",
        controls=(cis("5.5.1"), kubernetes("Configuration Best Practices")),
        types=TYPES,
        check=every_container(custom(_fixed_tag, "image")),
    ),
    rule(
        name="kubernetes-image-digest",
        description="Containers run images that cannot be replaced under their name.",
        severity=Severity.LOW,
        remediation="Name the image as repository@sha256:... .",
        controls=(cis("5.5.1"),),
        types=TYPES,
        enforcement="advisory",
        check=every_container(custom(_digest, "image")),
    ),
    rule(
        name="kubernetes-image-registry",
        description="Images come from registries that somebody chose (all, until allowed_registries names "
        "some).",
        severity=Severity.MEDIUM,
        remediation="Mirror the image to a registry of allowed_registries.",
        controls=(cis("5.5.1"),),
        types=TYPES,
        check=every_container(
            custom(
                _registry,
                "image",
                options={
                    "allowed_registries": Option(
                        "array",
                        [],
                        "Registries, or repositories in them, that images may come from; empty: any.",
                    )
                },
            )
        ),
    ),
    rule(
        name="kubernetes-image-pull-policy",
        description="Nodes ask the registry for an image whose name does not say which one it is.",
        severity=Severity.LOW,
        remediation='Leave image_pull_policy out, or set "Always".',
        controls=(kubernetes("Images"),),
        types=TYPES,
        enforcement="advisory",
        check=every_container(custom(_pull_policy, "imagePullPolicy", "image")),
    ),
)

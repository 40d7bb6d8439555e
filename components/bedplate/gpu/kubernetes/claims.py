"""GPUs by claims (Dynamic Resource Allocation) in place of extended resources."""

import pulumi
import pulumi_kubernetes as k8s

from bedplate.core.naming import child
from bedplate.gpu.kubernetes.claims_args import (
    ComputeDomainArgs,
    GpuClaimArgs,
    GpuResourceClaimsArgs,
    class_expression,
    driver_values,
)
from bedplate.kubernetes.charts import release
from bedplate.kubernetes.objects import MANAGED, custom_object, namespace, options

__all__ = ["ComputeDomainArgs", "GpuClaimArgs", "GpuResourceClaims", "GpuResourceClaimsArgs"]


class GpuResourceClaims(pulumi.ComponentResource):
    """NVIDIA's DRA driver, a class of devices per model of GPU, and templates of claims.

    Attributes:
        device_classes: The names of the classes, by model of GPU.
        claim_templates: The names of the templates, as `namespace/name`.
        release: The driver's release; pods with claims wait for it.
    """

    device_classes: dict[str, str]
    claim_templates: tuple[str, ...]
    release: k8s.helm.v3.Release

    def __init__(
        self, name: str, args: GpuResourceClaimsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bedplate:index:GpuResourceClaims", name, None, opts)
        space = namespace(
            self, child(name, "namespace"), object_name=args.namespace, pod_security="privileged"
        )
        self.release = release(
            self,
            child(name, "driver"),
            chart_name="dra-driver-nvidia-gpu",
            namespace=args.namespace,
            values=driver_values(args),
            after=[space, *(args.layer.after if args.layer is not None else ())],
        )
        self.device_classes = args.class_names() if args.gpus else {}
        for model, class_name in self.device_classes.items():
            k8s.resource.v1.DeviceClass(
                child(name, class_name),
                metadata=k8s.meta.v1.ObjectMetaArgs(name=class_name, labels=MANAGED),
                spec=k8s.resource.v1.DeviceClassSpecArgs(selectors=[_selector(class_expression(model))]),
                opts=options(self, [self.release]),
            )
        for claim in args.claims:
            _template(self, child(name, f"{claim.namespace}-{claim.name}"), claim, args)
        for domain in args.compute_domains:
            custom_object(
                self,
                child(name, f"{domain.namespace}-{domain.name}-domain"),
                api_version="resource.nvidia.com/v1beta1",
                kind="ComputeDomain",
                object_name=domain.name,
                namespace=domain.namespace,
                # Zero lets nodes join as their pods come (kubernetes-sigs/dra-driver-nvidia-gpu, the field's
                # own description).
                spec={
                    "numNodes": 0,
                    "channel": {"resourceClaimTemplate": {"name": domain.claim_template}},
                },
                after=[self.release],
            )
        self.claim_templates = tuple(
            [f"{claim.namespace}/{claim.name}" for claim in args.claims]
            + [f"{domain.namespace}/{domain.claim_template}" for domain in args.compute_domains]
        )
        self.register_outputs({"deviceClasses": self.device_classes})


def _selector(expression: str) -> k8s.resource.v1.DeviceSelectorArgs:
    return k8s.resource.v1.DeviceSelectorArgs(
        cel=k8s.resource.v1.CELDeviceSelectorArgs(expression=expression)
    )


def _template(
    component: GpuResourceClaims, name: str, claim: GpuClaimArgs, args: GpuResourceClaimsArgs
) -> None:
    k8s.resource.v1.ResourceClaimTemplate(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=claim.name, namespace=claim.namespace, labels=MANAGED),
        spec=k8s.resource.v1.ResourceClaimTemplateSpecArgs(
            spec=k8s.resource.v1.ResourceClaimSpecArgs(
                devices=k8s.resource.v1.DeviceClaimArgs(
                    requests=[
                        k8s.resource.v1.DeviceRequestArgs(
                            name="gpus",
                            exactly=k8s.resource.v1.ExactDeviceRequestArgs(
                                device_class_name=args.class_of(claim),
                                allocation_mode="ExactCount",
                                count=claim.count,
                                selectors=[_selector(one) for one in claim.expressions()],
                            ),
                        )
                    ]
                )
            )
        ),
        opts=options(component, [component.release]),
    )

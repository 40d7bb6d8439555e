"""A pod as a whole: volumes, placement, and what its containers share."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.sandbox.providers.kubernetes import metadata
from bedplate.sandbox.providers.kubernetes.checks import containers, forms
from bedplate.sandbox.providers.kubernetes.checks.forms import Values, at, each, texts
from bedplate.sandbox.providers.kubernetes.quantity import amount
from bedplate.sandbox.providers.schema import Problem

_SYSCTL = re.compile(r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$")
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_POLICIES = ("Honor", "Ignore")


def problems(spec: Values, path: str, template: bool) -> Iterator[Problem]:
    """`template`: of a workload whose pods run for ever."""
    if template and spec.get("activeDeadlineSeconds") is not None:
        yield f"{path}.activeDeadlineSeconds", "not for pods that are replaced when they end; leave it out"
    if spec.get("ephemeralContainers"):
        yield f"{path}.ephemeralContainers", "only added to a pod that runs; leave them out"
    yield from _names(spec, path)
    yield from _dns(spec, path)
    for here, volume in each(spec.get("volumes"), f"{path}.volumes"):
        yield from _volume(volume, here)
    yield from _placement(spec, path)
    yield from _security(spec, path)
    for here, alias in each(spec.get("hostAliases"), f"{path}.hostAliases"):
        yield from forms.address(alias.get("ip"), f"{here}.ip")
        for where, name in texts(alias.get("hostnames"), f"{here}.hostnames"):
            yield from metadata.dns_subdomain(name, where)
    for here, claim in each(spec.get("resourceClaims"), f"{path}.resourceClaims"):
        yield from forms.label(claim.get("name"), f"{here}.name")
        yield from forms.one_of(claim, ("resourceClaimName", "resourceClaimTemplateName"), here)
    volumes = spec.get("volumes", [])
    known = containers.names_of(volumes) is not None
    around = containers.Surroundings(
        volumes={one["name"]: one for one in volumes} if known else None,
        claims=containers.names_of(spec.get("resourceClaims")),
        host_network=spec.get("hostNetwork") is True,
        grace_seconds=spec.get("terminationGracePeriodSeconds", 30),
        pod_resources=spec.get("resources") is not None,
    )
    for group in ("initContainers", "containers"):
        for here, container in each(spec.get(group), f"{path}.{group}"):
            yield from containers.problems(container, here, around)
    for here, container in each(spec.get("initContainers"), f"{path}.initContainers"):
        yield from containers.init_problems(container, here)
    yield from containers.host_ports(spec.get("containers"), f"{path}.containers")


def _names(spec: Values, path: str) -> Iterator[Problem]:
    for name in ("serviceAccountName", "priorityClassName", "runtimeClassName", "nodeName"):
        yield from forms.subdomain(spec.get(name), f"{path}.{name}")
    for name in ("hostname", "subdomain"):
        yield from forms.label(spec.get(name) or None, f"{path}.{name}")
    for here, gate in each(spec.get("schedulingGates"), f"{path}.schedulingGates"):
        yield from forms.qualified(gate.get("name"), f"{here}.name")
    for here, gate in each(spec.get("readinessGates"), f"{path}.readinessGates"):
        yield from forms.qualified(gate.get("conditionType"), f"{here}.conditionType")


def _dns(spec: Values, path: str) -> Iterator[Problem]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield f"{path}.dnsConfig", "missing: the dnsPolicy None needs it, with nameservers"
        elif isinstance(config, Mapping) and config.get("nameservers") in (None, []):
            yield f"{path}.dnsConfig.nameservers", "missing: the dnsPolicy None needs at least one"
    servers, searches = at(config, "nameservers"), at(config, "searches")
    for name, given, most in (("nameservers", servers, 3), ("searches", searches, 32)):
        if isinstance(given, list) and len(given) > most:
            yield f"{path}.dnsConfig.{name}", f"{len(given)} of them; at most {most} are allowed"
    for here, server in texts(servers, f"{path}.dnsConfig.nameservers"):
        yield from forms.address(server, here)
    for here, option in each(at(config, "options"), f"{path}.dnsConfig.options"):
        yield from forms.needed(option, ("name",), here)


def _volume(volume: Values, path: str) -> Iterator[Problem]:
    yield from forms.no_backsteps(at(volume, "hostPath", "path"), f"{path}.hostPath.path")
    for name in ("configMap", "secret"):
        yield from containers.key_items(at(volume, name, "items"), f"{path}.{name}.items")
    if isinstance(volume.get("configMap"), Mapping):
        yield from forms.needed(volume["configMap"], ("name",), f"{path}.configMap")
    yield from containers.downward_items(at(volume, "downwardAPI", "items"), f"{path}.downwardAPI.items")
    limit = amount(at(volume, "emptyDir", "sizeLimit"))
    if limit is not None and limit < 0:
        yield f"{path}.emptyDir.sizeLimit", f"{volume['emptyDir']['sizeLimit']}; must not be negative"
    if isinstance(volume.get("nfs"), Mapping):
        yield from forms.needed(volume["nfs"], ("server", "path"), f"{path}.nfs")
        where = volume["nfs"].get("path")
        if isinstance(where, str) and where and not where.startswith("/"):
            yield f"{path}.nfs.path", f"'{where}'; must be an absolute path"
    if isinstance(volume.get("ephemeral"), Mapping):
        yield from forms.needed(volume["ephemeral"], ("volumeClaimTemplate",), f"{path}.ephemeral")
    if isinstance(volume.get("image"), Mapping):
        yield from forms.needed(volume["image"], ("reference",), f"{path}.image")
    kinds = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle",
             "podCertificate")  # fmt: skip
    for here, source in each(at(volume, "projected", "sources"), f"{path}.projected.sources"):
        yield from forms.one_of(source, kinds, here, needed=False)
        for name in ("configMap", "secret"):
            yield from containers.key_items(at(source, name, "items"), f"{here}.{name}.items")
            if isinstance(source.get(name), Mapping):
                yield from forms.needed(source[name], ("name",), f"{here}.{name}")
        yield from containers.downward_items(at(source, "downwardAPI", "items"), f"{here}.downwardAPI.items")
        token = source.get("serviceAccountToken")
        if isinstance(token, Mapping):
            where = f"{here}.serviceAccountToken"
            yield from forms.needed(token, ("path",), where)
            yield from forms.file_path(token.get("path"), f"{where}.path")
            seconds = token.get("expirationSeconds")
            if isinstance(seconds, int) and not 600 <= seconds <= 2**32:
                yield f"{where}.expirationSeconds", f"{seconds}; must be 600 (ten minutes) to {2**32}"


def _placement(spec: Values, path: str) -> Iterator[Problem]:
    for here, spread in each(spec.get("topologySpreadConstraints"), f"{path}.topologySpreadConstraints"):
        yield from forms.qualified(spread.get("topologyKey") or None, f"{here}.topologyKey")
        least, otherwise = spread.get("minDomains"), spread.get("whenUnsatisfiable")
        if isinstance(least, int) and least < 1:
            yield f"{here}.minDomains", f"{least}; must be 1 or more"
        elif least is not None and otherwise == "ScheduleAnyway":
            yield f"{here}.minDomains", "only with whenUnsatisfiable: DoNotSchedule"
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            yield from forms.choice(spread.get(name), _POLICIES, f"{here}.{name}")
        if spread.get("matchLabelKeys") and spread.get("labelSelector") is None:
            yield f"{here}.matchLabelKeys", "only with a labelSelector"
    affinity = spec.get("affinity")
    nodes, here = at(affinity, "nodeAffinity"), f"{path}.affinity.nodeAffinity"
    terms = at(nodes, _REQUIRED)
    if isinstance(terms, Mapping):
        where = f"{here}.{_REQUIRED}.nodeSelectorTerms"
        yield from forms.node_terms(terms.get("nodeSelectorTerms", []), where)
    for where, one in each(at(nodes, _PREFERRED), f"{here}.{_PREFERRED}"):
        yield from forms.node_term(one.get("preference"), f"{where}.preference")
    for name in ("podAffinity", "podAntiAffinity"):
        found, here = at(affinity, name), f"{path}.affinity.{name}"
        for where, one in each(at(found, _REQUIRED), f"{here}.{_REQUIRED}"):
            yield from _pod_term(one, where)
        for where, one in each(at(found, _PREFERRED), f"{here}.{_PREFERRED}"):
            yield from _pod_term(one.get("podAffinityTerm"), f"{where}.podAffinityTerm")
    for here, toleration in each(spec.get("tolerations"), f"{path}.tolerations"):
        yield from forms.qualified(toleration.get("key") or None, f"{here}.key")


def _pod_term(term: Any, path: str) -> Iterator[Problem]:
    if not isinstance(term, Mapping):
        return
    yield from forms.qualified(term.get("topologyKey") or None, f"{path}.topologyKey")
    for name in ("labelSelector", "namespaceSelector"):
        yield from metadata.selector(term.get(name), f"{path}.{name}")
    for here, space in texts(term.get("namespaces"), f"{path}.namespaces"):
        yield from metadata.dns_label(space, here)


def _security(spec: Values, path: str) -> Iterator[Problem]:
    context, here = spec.get("securityContext"), f"{path}.securityContext"
    yield from containers.profiles(context, here)
    seen: set[str] = set()
    for where, one in each(at(context, "sysctls"), f"{here}.sysctls"):
        name = one.get("name")
        if not isinstance(name, str):
            continue
        if len(name) > 253 or not _SYSCTL.match(name):
            yield f"{where}.name", f"'{name}' is no kernel parameter; give one such as net.core.somaxconn"
        elif name.replace("/", ".") in seen:
            yield f"{where}.name", f"'{name}' is set twice"
        elif spec.get("hostNetwork") is True and name.replace("/", ".").startswith("net."):
            yield f"{where}.name", f"'{name}' is the machine's where hostNetwork is true; set it there"
        seen.add(name.replace("/", "."))
    if spec.get("shareProcessNamespace") is True and spec.get("hostPID") is True:
        yield f"{path}.shareProcessNamespace", "not together with hostPID"

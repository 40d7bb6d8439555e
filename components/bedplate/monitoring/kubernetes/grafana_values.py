"""The values of Grafana in kube-prometheus-stack. Pure. Keys are those of the chart grafana 12.11.1."""

from bedplate.monitoring.kubernetes.addresses import PodResources
from bedplate.monitoring.kubernetes.prometheus_parts import GrafanaSettings, OidcLogin

_SECRET_VARIABLE = "GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET"


def grafana_values(settings: GrafanaSettings) -> dict[str, object]:
    """What is under `grafana`."""
    persistence: dict[str, object] = {
        "enabled": True,
        "type": "pvc",
        "accessModes": ["ReadWriteOnce"],
        "size": f"{settings.volume_gib}Gi",
    }
    if settings.storage_class is not None:
        persistence["storageClassName"] = settings.storage_class
    values: dict[str, object] = {
        "enabled": True,
        "admin": {
            "existingSecret": settings.admin_secret_name,
            "userKey": settings.admin_user_key,
            "passwordKey": settings.admin_password_key,
        },
        "persistence": persistence,
        # The volume has one writer: the old pod lets go of it before the new one starts.
        "deploymentStrategy": {"type": "Recreate"},
        # It runs as root; the volume's group is set by `fsGroup` instead.
        "initChownData": {"enabled": False},
        "testFramework": {"enabled": False},
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # Plug-ins and logs are written below paths that are volumes already; the rest is not writable.
        "extraEmptyDirMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "sidecar": {
            "dashboards": {
                "enabled": True,
                "label": "grafana_dashboard",
                "labelValue": "1",
                "searchNamespace": "ALL",
                "provider": {"allowUiUpdates": False},
            },
            "datasources": {"enabled": True, "defaultDatasourceEnabled": True},
            "resources": PodResources(cpu=0.05, memory_gib=0.25).manifest(),
        },
        "ingress": {"enabled": False},
        "resources": settings.resources.manifest(),
        "serviceMonitor": {"enabled": True},
        "grafana.ini": _ini(settings),
    }
    if settings.oidc is not None:
        secret = settings.oidc.client_secret
        values["envValueFrom"] = {
            _SECRET_VARIABLE: {"secretKeyRef": {"name": secret.name, "key": secret.key}}
        }
    return values


def _ini(settings: GrafanaSettings) -> dict[str, object]:
    server: dict[str, object] = {} if settings.root_url is None else {"root_url": settings.root_url}
    ini: dict[str, object] = {
        "analytics": {
            "reporting_enabled": False,
            "check_for_updates": False,
            "check_for_plugin_updates": False,
        },
        "auth.anonymous": {"enabled": False},
        "auth.basic": {"enabled": True},
        "users": {"allow_sign_up": False, "allow_org_create": False, "viewers_can_edit": False},
        "security": {
            "cookie_secure": settings.root_url is not None,
            "cookie_samesite": "lax",
            "disable_gravatar": True,
            "strict_transport_security": settings.root_url is not None,
        },
        "snapshots": {"external_enabled": False},
        "server": server,
    }
    if settings.oidc is not None:
        ini["auth.generic_oauth"] = _oidc(settings.oidc)
    return ini


def _oidc(login: OidcLogin) -> dict[str, object]:
    # The client's secret comes by a variable of the environment that a Secret fills.
    return {
        "enabled": True,
        "allow_sign_up": True,
        "use_pkce": True,
        "client_id": login.client_id,
        "scopes": " ".join(login.scopes),
        "auth_url": login.auth_url,
        "token_url": login.token_url,
        "api_url": login.user_info_url,
        "allowed_domains": " ".join(login.allowed_domains),
        "role_attribute_path": login.role_path,
        "role_attribute_strict": True,
    }

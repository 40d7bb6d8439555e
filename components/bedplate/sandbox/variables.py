"""The variables under which Pulumi, an SDK or the AWS command line use the sandbox instead of a cloud."""

import os
from collections.abc import Mapping

from bedplate.sandbox import home as homes
from bedplate.sandbox.home import Home


def for_pulumi(home: Home, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Start the sandbox's daemon, or find it running, and return every variable that `serve` prints.

    A passphrase that the user has set already is left alone.
    """
    from bedplate.sandbox.server import client_environment, ensure_daemon

    homes.prepare(home)
    found = dict(client_environment(ensure_daemon(home.path)))
    # The providers are attached, so the clouds' plugins (hundreds of MB) are not needed and not downloaded.
    found["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    found["PULUMI_BACKEND_URL"] = home.backend_url
    # With a salt in the state but none in the configuration file, Pulumi goes on with the state's.
    found["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] = "true"
    return {**found, **homes.passphrase_variable(home, environ)}

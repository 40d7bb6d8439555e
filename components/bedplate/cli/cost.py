"""`bedplate cost ENV`: what an environment costs, from its file and the catalogue; no cloud is asked."""

import datetime
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from bedplate.catalog import CatalogError, current_catalog, load_overlay
from bedplate.cli.cost_table import Report, table
from bedplate.cli.parser import Arguments
from bedplate.cost import (
    CONFIG_KEY,
    CostSettings,
    CostSettingsError,
    Estimate,
    LightReadError,
    difference,
    environment_cost,
    judge,
    read_environment,
    resources_of,
    stack_cost,
)
from bedplate.cost.environment import EnvironmentLike
from bedplate.sandbox import home as homes
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import Home
from bedplate.sandbox.stack_files import deployment, project, stack_file

_ENVIRONMENT_KEY = "bedplate:environment"


def cost(arguments: Arguments) -> int:
    """Prints the estimate; the exit code says nothing of the limit, which the budget pack holds."""
    home = homes.find(arguments.root)
    try:
        if arguments.prices is not None:
            load_overlay(arguments.prices)
        catalog = current_catalog()
    except CatalogError as error:
        raise UsageError(str(error)) from error
    today = datetime.datetime.now(datetime.UTC).date()
    settings, estimate = _of_file(home, arguments.environment, today)
    basis = arguments.basis or settings.basis
    limit = settings.limit_usd_per_month
    verdict = judge(estimate, limit, basis) if limit is not None else None
    against = None
    if arguments.against is not None:
        _, against = _of_file(home, arguments.against, today)
    elif arguments.against_state:
        state = deployment(home, arguments.environment)
        if not state.get("resources"):
            raise UsageError(
                f"{arguments.environment} has no state to compare with; "
                f"`bedplate sandbox up {arguments.environment}` creates it"
            )
        against = stack_cost(
            resources_of(state),
            catalog=catalog,
            today=today,
            usage=settings.usage,
            name=f"the state of {arguments.environment}",
            uncounted_types=settings.uncounted_types,
        )
    changes = difference(against, estimate) if against is not None else ()
    report = Report(estimate, settings.max_price_age_days, basis, verdict, against, changes)
    if arguments.html is not None:
        _write(arguments.html, report)
    if arguments.json:
        print(json.dumps(_document(report)))
    elif arguments.html is None:
        sys.stdout.write(table(report))
    return 0


def _document(report: Report) -> dict[str, object]:
    from bedplate.cost.document import difference_document, estimate_document, verdict_document

    found: dict[str, object] = {**estimate_document(report.estimate, report.max_price_age_days)}
    found["limit"] = verdict_document(report.verdict) if report.verdict else None
    if report.against is not None:
        found["against"] = {
            "environment": report.against.name,
            "changes": difference_document(report.changes),
            "estimate": estimate_document(report.against, report.max_price_age_days),
        }
    return found


def _write(path: Path, report: Report) -> None:
    from bedplate.cli.cost_html import page

    try:
        path.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {path}: {error.strerror}; name a file that can be written") from error
    print(f"Wrote {path}.", file=sys.stderr)


def _of_file(home: Home, name: str, today: datetime.date) -> tuple[CostSettings, Estimate]:
    """The settings and the estimate of an environment's file."""
    file = stack_file(home.root, name)
    config = _config(home, file)
    try:
        settings = CostSettings.parse(config.get(CONFIG_KEY, {}))
    except CostSettingsError as error:
        raise UsageError(f"{file}: {CONFIG_KEY}: {error}") from error
    data = config.get(_ENVIRONMENT_KEY)
    if isinstance(data, Mapping) and data.get("kind") == "onprem":
        return settings, _onprem(file, data, today)
    env = _environment(file, config)
    estimate = environment_cost(env, catalog=current_catalog(), today=today, usage=settings.usage)
    return settings, estimate


def _config(home: Home, file: Path) -> Mapping[str, object]:
    """The configuration, with full keys: `environment` alone means the project's own."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: is no valid YAML: {error}") from error
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise UsageError(
            f"{file}: has no `config`; an environment is described there, see docs/environment.md"
        )
    own = project(home.root)["name"]
    return {str(key) if ":" in str(key) else f"{own}:{key}": value for key, value in config.items()}


def _onprem(file: Path, data: Mapping[str, object], today: datetime.date) -> Estimate:
    """Machines of one's own cost what the file says; loaded here, as it takes seconds to import."""
    from bedplate.core.errors import ConfigError
    from bedplate.environment import load
    from bedplate.environment.onprem_costs import onprem_cost
    from bedplate.environment.onprem_models import OnPremEnvironment

    try:
        env = load(data)
    except ConfigError as error:
        raise UsageError(f"{file}: {error}") from error
    assert isinstance(env, OnPremEnvironment)
    return onprem_cost(env, today)


def _environment(file: Path, config: Mapping[str, object]) -> EnvironmentLike:
    data = config.get(_ENVIRONMENT_KEY)
    try:
        light = read_environment(data)
        machines = {pool.machine for pool in (light.cluster.system_pool, *light.gpu_pools.values())}
        if machines <= current_catalog().machines.keys():
            return light
        raise LightReadError("machine")
    except LightReadError:
        # Whatever is wrong, the environment's own checks say it in full; they take seconds to import.
        from bedplate.core.errors import ConfigError
        from bedplate.environment import AwsEnvironment, load

        try:
            found = load(data if isinstance(data, Mapping) else {})
        except ConfigError as error:
            raise UsageError(f"{file}: {error}") from error
        assert isinstance(found, AwsEnvironment)
        return found

"""`bedplate sandbox up|preview|refresh|destroy ENV`: choose the engine, run it, show it, sum it up."""

import io
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from bedplate.cli import EXIT_FAILED, EXIT_INTERRUPTED
from bedplate.cli.parser import Arguments
from bedplate.sandbox import home as homes
from bedplate.sandbox import policies, pulumi_engine
from bedplate.sandbox.errors import UsageError
from bedplate.sandbox.home import Home
from bedplate.sandbox.outcome import Outcome
from bedplate.sandbox.pulumi_engine import PulumiCommand
from bedplate.sandbox.stack_files import resource_count, stack_file
from bedplate.sandbox.task import Task
from bedplate.sandbox.terminal import use_color


def operate(arguments: Arguments) -> int:
    """Exit code 0 when the operation succeeded, 1 when it failed, 130 after Ctrl-C.

    With --json the last line of stdout is the summary, once an engine has been chosen.
    Raises UsageError (exit code 2) for a wrong project or environment.
    """
    people = sys.stderr if arguments.json else sys.stdout
    task = Task(
        arguments.operation,
        arguments.environment,
        arguments.parallel,
        arguments.diff,
        use_color(arguments.color, people),
        arguments.json,
    )
    home = homes.find(arguments.root)
    if task.operation in ("up", "preview"):
        task = replace(
            task,
            policy_packs=policies.packs(
                home.root,
                arguments.policy_packs,
                arguments.policy_pack_configs,
                off=arguments.no_policies,
            ),
        )
    stack_file(home.root, task.environment)  # a misspelt environment is said before anything starts
    pulumi = None if arguments.engine == "offline" else pulumi_engine.find()
    if pulumi is None and arguments.engine == "pulumi":
        raise pulumi_engine.not_found()
    engine = f"pulumi {pulumi.version}" if pulumi else "offline"
    print(f"Engine: {_described(pulumi, arguments.engine)}", file=people, flush=True)
    if task.operation in ("up", "preview"):
        print(f"Policies: {policies.told(task.policy_packs)}", file=people, flush=True)
    homes.prepare(home)
    began = time.monotonic()
    try:
        outcome = _first_preview(pulumi, home, task, people) if _previews(task, arguments) else None
        if outcome is None:
            outcome = _run(pulumi, home, task, people, sys.stdout)
    except KeyboardInterrupt:
        outcome = _stopped(engine, home, task, began, ("stopped by Ctrl-C",), interrupted=True)
    except UsageError as error:
        if task.machine:
            _summarise(_stopped(engine, home, task, began, (str(error),)), task)
        raise
    if outcome.interrupted:
        print(
            f"\n{task.operation} stopped by Ctrl-C. What was made so far is recorded: run "
            f"`bedplate sandbox {task.operation} {task.environment}` again to go on from here.",
            file=people,
            flush=True,
        )
    if task.machine:
        _summarise(outcome, task)
    if outcome.interrupted:
        return EXIT_INTERRUPTED
    return 0 if outcome.ok else EXIT_FAILED


def _run(pulumi: PulumiCommand | None, home: Home, task: Task, people: TextIO, machine: TextIO) -> Outcome:
    if pulumi:
        return pulumi_engine.run(pulumi, home, task, people, machine)
    from bedplate.cli import offline

    return offline.run(home, task, people, machine)


def _previews(task: Task, arguments: Arguments) -> bool:
    return task.operation == "up" and bool(task.policy_packs) and not arguments.skip_preview


def _first_preview(pulumi: PulumiCommand | None, home: Home, task: Task, people: TextIO) -> Outcome | None:
    """Let the packs see the whole stack before any of it is made; None where they pass it.

    Rules about the whole (the budget) are asked when everything is there, which at an update is too late.
    """
    machine = io.StringIO()
    outcome = _run(pulumi, home, replace(task, operation="preview"), people, machine)
    if outcome.ok:
        return None
    for line in machine.getvalue().splitlines():
        # Steps that were only planned are no news of an update; findings are.
        if json.loads(line)["event"] == "policy":
            print(line, flush=True)
    return replace(outcome, changes={})


def _stopped(
    engine: str, home: Home, task: Task, began: float, errors: tuple[str, ...], *, interrupted: bool = False
) -> Outcome:
    return Outcome(
        engine,
        ok=False,
        resources=resource_count(home, task.environment),
        duration_seconds=time.monotonic() - began,
        errors=errors,
        interrupted=interrupted,
    )


def _summarise(outcome: Outcome, task: Task) -> None:
    print(json.dumps(outcome.summary(task.operation, task.environment)), flush=True)


def _described(pulumi: PulumiCommand | None, asked: str | None) -> str:
    if pulumi:
        return f"pulumi {pulumi.version} ({Path(pulumi.path)})"
    why = "asked for" if asked == "offline" else "no `pulumi` on PATH"
    return f"offline ({why}); it drives emulated clouds only"

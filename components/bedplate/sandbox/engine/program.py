"""The child process that runs a Pulumi program: `python -m bedplate.sandbox.engine.program --monitor ADDRESS
...`.

The SDK keeps global state, so each run of a program gets a process. Configuration comes over the monitor's
own connection: it is in no argument and no environment variable that another user could see.
"""

import argparse
import asyncio
import ctypes
import gc
import logging
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The program has told what is wrong; there is nothing to add to it.
TOLD = 32
# A program makes objects and keeps them until it ends. Python's own thresholds (700, 10, 10) have the
# collector walk all of an SDK's classes again and again while it is imported.
_COLLECT_AFTER = (100_000, 20, 20)
_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process when the engine's ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def user_traceback(error: BaseException, program: Path) -> str:
    """The stack from the program's first frame on; what runs the program is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).parent)
    first = next(
        (
            index
            for index, frame in enumerate(frames)
            if Path(frame.filename).is_relative_to(program if program.is_dir() else program.parent)
            and not frame.filename.startswith(ours)
        ),
        0,
    )
    lines = traceback.format_list(frames[first:])
    return "".join(["Traceback (most recent call last):\n", *lines, *traceback.format_exception_only(error)])


def _run(arguments: argparse.Namespace) -> int:
    import grpc
    import pulumi
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import resource_pb2_grpc

    from .sdk import configure
    from .stack_id import StackId

    channel = grpc.insecure_channel(arguments.monitor, options=(("grpc.max_receive_message_length", -1),))
    info = resource_pb2_grpc.ResourceMonitorStub(channel).GetDeploymentInfo(empty_pb2.Empty())
    channel.close()
    configure(
        StackId(info.project, info.stack, info.organization),
        arguments.monitor,
        arguments.root,
        dict(info.config),
        list(info.configSecretKeys),
        preview=info.dryRun,
        parallel=info.parallel,
    )
    program = Path(arguments.program)
    main = program / "__main__.py" if program.is_dir() else program
    if not main.is_file():
        pulumi.log.error(
            f"no program at {main}; `main` in Pulumi.yaml names the directory or file that is run"
        )
        return TOLD
    # As `python <program>` has it: the program's directory is where it runs and where it imports from.
    os.chdir(main.parent)
    sys.path[0] = str(main.parent)
    sys.argv = [str(program)]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(1, info.parallel) * 4)
    loop.set_default_executor(executor)

    def run() -> None:
        # The file and not its directory: that would leave a compiled __main__, which goes on being run after
        # an edit within the same second that keeps the file's size.
        runpy.run_path(str(main), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except Exception as error:  # noqa: BLE001 a program may raise anything; it is reported below
        report(error, main.parent)
        return TOLD
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return 0


def report(error: Exception, program: Path) -> None:
    """Tell the engine what ended the program: a user's mistake by its message, anything else with its
    stack.
    """
    import grpc
    import pulumi
    from pulumi import InputPropertiesError, InputPropertyError, RunError

    if isinstance(error, RunError):
        pulumi.log.error(str(error))
    elif isinstance(error, InputPropertiesError):
        reasons = [f"  {item['property_path']}: {item['reason']}" for item in error.errors or ()]
        pulumi.log.error("\n".join([error.message, *reasons]).strip())
    elif isinstance(error, InputPropertyError):
        pulumi.log.error(f"{error.property_path}: {error.reason}")
    elif isinstance(error, grpc.RpcError):
        pulumi.log.error(f"RPC error: {error.details()}")
    else:
        pulumi.log.error(f"the program failed:\n{user_traceback(error, program)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a Pulumi program for the offline engine")
    parser.add_argument("--monitor", required=True, help="address of the engine's resource monitor")
    parser.add_argument("--root", required=True, help="the directory of Pulumi.yaml")
    parser.add_argument("--parent", required=True, type=int, help="process id of the engine")
    parser.add_argument("program", help="the program's directory or file")
    arguments = parser.parse_args()
    die_with(arguments.parent)
    gc.set_threshold(*_COLLECT_AFTER)
    status = _run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a failed program leaves waiting for the engine are of no use any more.
    os._exit(status)


if __name__ == "__main__":
    main()

"""What the policy packs cost: time per resource at 500 and 5,000, and their share of a preview at 500.

Both figures are of all three packs together, run as processes over the analyzer protocol. Goals: the time per
resource at 5,000 is at most 1.5 times that at 500, and the packs are less than 15% of the preview.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import REPOSITORY, finish, project

FLAT, SHARE = 1.5, 0.15
PACKS = [REPOSITORY / "policies" / name for name in ("budget", "encryption", "guardrails")]
# Five resources each: what an AI stack has many of.
PROGRAM = """
import pulumi_aws as aws

for number in range({count} // 5):
    bucket = aws.s3.Bucket(f"data-{{number}}", tags={{"bedplate:owner": "me"}})
    aws.s3.BucketPublicAccessBlock(f"closed-{{number}}", bucket=bucket.id, block_public_acls=True,
        block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True)
    aws.s3.BucketVersioning(f"versions-{{number}}", bucket=bucket.id,
        versioning_configuration={{"status": "Enabled"}})
    aws.s3.BucketServerSideEncryptionConfiguration(f"sealed-{{number}}", bucket=bucket.id, rules=[
        {{"apply_server_side_encryption_by_default": {{"sse_algorithm": "aws:kms"}}}}])
    aws.ebs.Volume(f"disk-{{number}}", availability_zone="us-east-1a", size=100, encrypted=True, type="gp3")
"""


def share_of_preview(count: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a preview without and with the packs."""
    times: dict[bool, list[float]] = {False: [], True: []}
    with (
        tempfile.TemporaryDirectory() as directory,
        project(PROGRAM.format(count=count), {"aws:region": "us-east-1"}) as made,
    ):
        # Findings are told, but nothing fails: the benchmark is about time.
        config = Path(directory) / "advisory.json"
        config.write_text(json.dumps({"all": "advisory"}))
        options = [
            part
            for pack in PACKS
            for part in ("--policy-pack", str(pack), "--policy-pack-config", str(config))
        ]
        for round_number in range(rounds + 1):
            for policies in (False, True):
                summary, seconds = made.sandbox("preview", *(options if policies else ["--no-policies"]))
                assert summary["changes"]["create"] >= count
                if round_number:  # the first of each starts the sandbox and fills the bytecode caches
                    times[policies].append(seconds)
    return statistics.median(times[False]), statistics.median(times[True])


def seconds_per_resource(count: int, rounds: int) -> tuple[float, float]:
    """Best seconds per resource of Analyze, one after the other, and of AnalyzeStack, in all packs."""
    from pulumi.runtime.proto import analyzer_pb2

    from bedplate.sandbox.engine import PolicyPack
    from bedplate.sandbox.engine.analyzers_config import read_project
    from bedplate.sandbox.engine.analyzers_host import PackHost, StackInfo
    from bedplate.sandbox.engine.values import to_struct

    shapes = (
        ("aws:s3/bucket:Bucket", {"tags": {"bedplate:owner": "me"}}),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {"bucket": "b", "blockPublicAcls": True}),
        ("aws:ebs/volume:Volume", {"encrypted": True, "size": 100, "type": "gp3"}),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30, "kmsKeyId": "arn:aws:kms:r:1:key/1"}),
        ("kubernetes:core/v1:Pod", {"spec": {"containers": [{"name": "c", "image": "i:1"}]}}),
    )
    one_by_one, together = [], analyzer_pb2.AnalyzeStackRequest()
    for number in range(count):
        type, properties = shapes[number % len(shapes)]
        told = {
            "type": type,
            "name": f"r{number}",
            "urn": f"urn:pulumi:s::p::{type}::r{number}",
            "properties": to_struct({**properties, "id": f"r{number}"}),  # type: ignore[dict-item]
        }
        one_by_one.append(analyzer_pb2.AnalyzeRequest(**told).SerializeToString())
        together.resources.add(**told)
    stack = together.SerializeToString()
    info = StackInfo("organization", "bench", "bench", True, {}, frozenset())
    hosts = [PackHost(PolicyPack(pack), read_project(pack), "127.0.0.1:0", info) for pack in PACKS]
    analyze, analyze_stack = [], []
    try:
        for host in hosts:
            host.ready()
        for _ in range(rounds):
            began = time.perf_counter()
            for request in one_by_one:
                for host in hosts:
                    host.analyze(request)
            middle = time.perf_counter()
            for host, future in [(host, host.analyze_stack(stack)) for host in hosts]:
                host.answer(future)
            analyze.append((middle - began) / count)
            analyze_stack.append((time.perf_counter() - middle) / count)
    finally:
        for host in hosts:
            host.stop()
    return min(analyze), min(analyze_stack)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds of each")
    arguments = parser.parse_args()
    few, many = (seconds_per_resource(count, arguments.rounds) for count in (500, 5000))
    ratio = sum(many) / sum(few)
    without, with_packs = share_of_preview(500, arguments.rounds)
    share = 1 - without / with_packs
    figures: dict[str, object] = {
        "milliseconds per resource at 500 (Analyze, AnalyzeStack)": [round(one * 1000, 3) for one in few],
        "milliseconds per resource at 5000 (Analyze, AnalyzeStack)": [round(one * 1000, 3) for one in many],
        "ratio of time per resource, 5000 to 500": round(ratio, 2),
        "preview of 500 without packs, seconds (median)": round(without, 2),
        "preview of 500 with packs, seconds (median)": round(with_packs, 2),
        "share of the packs in the preview": round(share, 3),
        "rounds": arguments.rounds,
    }
    goals = {
        f"time per resource at most {FLAT}x at 5000": ratio <= FLAT,
        f"packs less than {SHARE:.0%} of the preview at 500": share < SHARE,
    }
    return finish("policies", figures, goals)


if __name__ == "__main__":
    sys.exit(main())

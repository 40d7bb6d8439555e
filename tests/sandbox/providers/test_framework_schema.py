"""What is generated from the SDK and from the registry is what is in the repository."""

import gzip
import json
from pathlib import Path

import pytest

from bedplate.sandbox.providers.aws import document, schema_build, supported
from bedplate.sandbox.providers.aws.registry import REGISTRY
from bedplate.sandbox.providers.schema import Schema
from bedplate.sandbox.providers.schema_export import package

ROOT = Path(__file__).parents[3]
# Reading the SDK imports its deprecated classes, too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_schema_file_is_what_the_sdk_says():
    stored = json.loads(gzip.decompress(schema_build.DATA.read_bytes()))
    built = json.loads(gzip.decompress(schema_build.encoded(schema_build.build())))
    assert stored["resources"].keys() == built["resources"].keys(), "run schema_build"
    different = [
        token for token in built["resources"] if stored["resources"][token] != built["resources"][token]
    ]
    assert not different, "run schema_build"
    assert stored == built


def test_list_of_types_is_up_to_date():
    aws, _, _ = (
        (ROOT / "docs/sandbox-types.md").read_text().partition("\n# What the sandbox knows of Kubernetes")
    )
    assert aws.rstrip() == document.document().rstrip()


def test_handlers_speak_of_properties_that_exist():
    schema = Schema(schema_build.DATA)
    wrong = []
    for token, handler in REGISTRY.handlers.items():
        known = schema.resource(token).inputs
        named = {*handler.replace_on, *handler.defaults, *handler.unordered, *handler.json_documents}
        named |= {reference.path for reference in handler.references}
        if handler.auto_name is not None:
            named.add(handler.auto_name.property)
        tops = {name.partition(".")[0].partition("[")[0] for name in named}
        wrong += [f"{token}: {name}" for name in sorted(tops - set(known))]
        secret = handler.secret_outputs - set(schema.resource(token).outputs)
        wrong += [f"{token}: {name}" for name in sorted(secret)]
    assert wrong == []


def test_every_reference_can_be_looked_up():
    from bedplate.sandbox.providers.aws import existence

    kinds = {reference.kind for handler in REGISTRY.handlers.values() for reference in handler.references}
    assert kinds <= {*existence.LOOKUPS, *existence.STORED}


def test_every_type_says_where_it_is_kept():
    assert {token for token, _ in supported()} == set(REGISTRY.handlers)
    assert {where for _, where in supported()} <= {"moto", "store"}


def test_package_schema_refers_to_nothing_that_it_lacks():
    exported = package(Schema(schema_build.DATA), "aws", list(REGISTRY.handlers))
    text = json.dumps(exported)
    references = {part.split('"')[0] for part in text.split("#/types/")[1:]}
    assert references == set(exported["types"])
    vpc = exported["resources"]["aws:ec2/vpc:Vpc"]
    assert vpc["inputProperties"]["cidrBlock"] == {"type": "string"}
    assert vpc["properties"]["arn"] == {"type": "string"}

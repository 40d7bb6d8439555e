"""Transforms: functions of a program that change what its resources ask for."""

import pytest

pytestmark = pytest.mark.lifecycle

_TRANSFORMS = """
from pulumi import ResourceTransformResult

def mark(word):
    def transform(args):
        if args.type_ != "probe:index:Thing":
            return None
        props = {**args.props, "value": f"{args.props.get('value', '')}{word}"}
        return ResourceTransformResult(props, args.opts)
    return transform

def keep(args):
    if args.custom:
        more = ResourceOptions(protect=True, ignore_changes=["key"])
        return ResourceTransformResult(args.props, ResourceOptions.merge(args.opts, more))
"""


def test_a_stack_transform_reaches_every_resource(stack):
    program = f"""{_TRANSFORMS}
pulumi.runtime.register_resource_transform(mark("-stack"))
a = Thing("a", value="1")
Thing("b", value=a.echo, opts=ResourceOptions(parent=Group("g")))
"""
    stack.up(program)
    assert stack.resource("a")["inputs"]["value"] == "1-stack"
    assert stack.resource("b")["inputs"]["value"] == "1-stack-stack"
    assert stack.resource("a")["urn"] in stack.resource("b")["propertyDependencies"]["value"]
    assert stack.up(program).changes["same"] == 3
    plain = 'a = Thing("a", value="1")\nThing("b", value=a.echo, opts=ResourceOptions(parent=Group("g")))'
    assert stack.preview(plain).changes["update"] == 2


def test_transforms_go_from_the_resource_outwards(stack):
    program = f"""{_TRANSFORMS}
pulumi.runtime.register_resource_transform(mark("-stack"))
outer = Group("outer", ResourceOptions(transforms=[mark("-outer")]))
inner = Group("inner", ResourceOptions(parent=outer, transforms=[mark("-inner")]))
Thing("a", value="1", opts=ResourceOptions(parent=inner, transforms=[mark("-own"), mark("-second")]))
Thing("b", value="1")
"""
    stack.up(program)
    assert stack.resource("a")["inputs"]["value"] == "1-own-second-inner-outer-stack"
    assert stack.resource("b")["inputs"]["value"] == "1-stack"


def test_a_transform_changes_options(stack):
    program = f"""{_TRANSFORMS}
pulumi.runtime.register_resource_transform(keep)
Thing("a", value="1", key="1")
"""
    stack.up(program)
    assert stack.resource("a")["protect"] is True
    assert stack.up(program.replace('key="1"', 'key="2"')).changes["same"] == 1
    assert not stack.run("destroy", program).ok
    stack.up('Thing("a", value="1", key="1")')
    stack.destroy()


def test_a_failing_transform_ends_the_run(stack, probe):
    program = """
def broken(args):
    raise ValueError("broken on purpose")

pulumi.runtime.register_resource_transform(broken)
Thing("a", value="1")
"""
    outcome = stack.run("up", program)
    assert not outcome.ok
    assert "broken on purpose" in outcome.text
    assert probe.things == {}

"""Protection, aliases, parents, providers, imports, reads, secrets: the options of a resource."""

import json

import pytest

pytestmark = pytest.mark.lifecycle

PROTECTED = 'Thing("other")\na = Thing("a", key="1", opts=ResourceOptions(protect={}))'


def test_a_protected_resource_is_not_deleted(stack, probe):
    stack.up(PROTECTED.format(True))
    assert stack.resource("a")["protect"] is True
    outcome = stack.run("up", 'Thing("other")')
    assert not outcome.ok
    assert "protect" in outcome.text
    assert len(probe.things) == 2
    assert not stack.run("destroy", PROTECTED.format(True)).ok
    assert probe.by_name(stack.resource("a")["inputs"]["name"])
    stack.up(PROTECTED.format(False))
    stack.destroy(PROTECTED.format(False))
    assert probe.things == {}


def test_a_protected_resource_is_not_replaced(stack, probe):
    stack.up(PROTECTED.format(True))
    probe.forget_calls()
    outcome = stack.run("up", PROTECTED.format(True).replace('"1"', '"2"'))
    assert not outcome.ok
    assert "protect" in outcome.text
    assert "unprotect" in outcome.text
    assert probe.count("create", "delete") == 0


def test_children_are_protected_with_their_parent(stack, probe):
    program = 'g = Group("g", ResourceOptions(protect=True))\nThing("a", opts=ResourceOptions(parent=g))'
    stack.up(program)
    assert stack.resource("a")["protect"] is True


def test_an_alias_keeps_the_resource(stack, probe):
    stack.up('Thing("old", value="1")')
    id = stack.resource("old")["id"]
    renamed = stack.up('Thing("new", value="1", opts=ResourceOptions(aliases=[pulumi.Alias(name="old")]))')
    assert renamed.changes["same"] == 1
    assert stack.resource("new")["id"] == id
    assert probe.count("delete") == 0
    # once more under the new name, without the alias
    assert stack.up('Thing("new", value="1")').changes["same"] == 1


def test_an_alias_by_urn(stack, probe):
    stack.up('Thing("old")')
    urn = stack.resource("old")["urn"]
    assert stack.up(f'Thing("new", opts=ResourceOptions(aliases=["{urn}"]))').changes["same"] == 1
    assert len(probe.things) == 1


def test_moving_under_a_parent_with_an_alias(stack, probe):
    stack.up('Thing("a")')
    alias = "aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]"
    moved = stack.up(f'g = Group("g")\nThing("a", opts=ResourceOptions(parent=g, {alias}))')
    assert moved.changes == {"create": 1, "update": 0, "replace": 0, "delete": 0, "same": 1}
    assert len(probe.things) == 1


def test_children_follow_a_renamed_parent(stack, probe):
    program = 'g = Group("{0}"{1})\nThing("{0}-a", opts=ResourceOptions(parent=g))'
    stack.up(program.format("one", ""))
    alias = ', ResourceOptions(aliases=[pulumi.Alias(name="one")])'
    renamed = stack.up(program.format("two", alias))
    assert renamed.changes["same"] == 2
    assert probe.count("delete") == 0
    assert len(probe.things) == 1


def test_what_depends_on_a_renamed_resource_is_not_lost(stack, probe):
    program = 'a = Thing("{}"{})\nThing("b", value=a.echo)'
    stack.up(program.format("old", ', value="1"'))
    opts = ', value="1", opts=ResourceOptions(aliases=[pulumi.Alias(name="old")])'
    probe.fail[("update", "new")] = "not now"
    assert not stack.run("up", program.format("new", opts.replace('"1"', '"2"'))).ok
    known = {item["urn"] for item in stack.resources()}
    assert all(set(item.get("dependencies", [])) <= known for item in stack.resources())
    probe.fail.clear()
    stack.up(program.format("new", opts.replace('"1"', '"2"')))
    assert len(probe.things) == 2
    stack.destroy()
    assert probe.things == {}


def test_explicit_dependencies_give_the_order(stack, probe):
    stack.up('a = Thing("a")\nb = Thing("b", opts=ResourceOptions(depends_on=[a]))')
    assert probe.of("create") == ["a", "b"]
    stack.destroy()
    assert probe.of("delete") == ["b", "a"]


PROVIDERS = """
west = Probe("west", region="west")
east = Probe("east", region="east")
Thing("plain")
Thing("direct", opts=ResourceOptions(provider=west))
g = Group("g", ResourceOptions(providers=[east]))
child = Thing("child", opts=ResourceOptions(parent=g))
inner = Group("inner", ResourceOptions(parent=g))
Thing("grandchild", opts=ResourceOptions(parent=inner))
Thing("below", opts=ResourceOptions(parent=child))
"""


def regions(probe):
    return {call.name: call.config.get("region") for call in probe.calls if call.op == "create"}


def test_each_resource_gets_its_provider(stack, probe):
    stack.up(PROVIDERS, config={"probe:region": "north"})
    assert regions(probe) == {
        "plain": "north",
        "direct": "west",
        "child": "east",
        "grandchild": "east",
        "below": "east",
    }
    assert stack.up(PROVIDERS, config={"probe:region": "north"}).changes["same"] == 9
    east = stack.resource("east")
    assert stack.resource("child")["provider"] == f"{east['urn']}::{east['id']}"
    default = stack.resource("default")
    assert default["type"] == "pulumi:providers:probe"
    assert default["inputs"]["region"] == "north"


def test_a_version_names_the_default_provider(stack):
    stack.up('Thing("a", opts=ResourceOptions(version="1.2.3"))')
    provider = stack.resource("default_1_2_3")
    assert provider["inputs"]["version"] == "1.2.3"
    # another version is another provider, and no reason to touch the resource
    assert stack.up('Thing("a", opts=ResourceOptions(version="1.2.4"))').changes["same"] == 1
    stack.resource("default_1_2_4")
    assert not any(item["urn"].endswith("default_1_2_3") for item in stack.resources())


def test_a_changed_provider_is_updated_and_its_resources_stay(stack, probe):
    program = 'p = Probe("p", region="{}")\nThing("a", opts=ResourceOptions(provider=p))'
    stack.up(program.format("one"))
    changed = stack.up(program.format("two"))
    assert (changed.changes["update"], changed.changes["same"]) == (1, 1)


def test_a_replaced_provider_replaces_its_resources(stack, probe):
    program = 'p = Probe("p", account="{}")\nThing("a", opts=ResourceOptions(provider=p))'
    stack.up(program.format("one"))
    changed = stack.up(program.format("two"))
    assert changed.changes["replace"] == 2
    deleted = next(call for call in probe.calls if call.op == "delete")
    assert deleted.config["account"] == "one"
    assert next(iter(probe.things.values()))["config"]["account"] == "two"


def test_a_provider_refuses_its_configuration(stack, probe):
    outcome = stack.run("up", 'p = Probe("p", region="moon")\nThing("a", opts=ResourceOptions(provider=p))')
    assert not outcome.ok
    assert "no such region" in outcome.text
    assert probe.things == {}


def test_import(stack, probe):
    probe.things["mine"] = {"name": "made-by-hand", "value": "1", "serial": 7, "config": {}}
    program = 'Thing("a", name="made-by-hand", value="1", opts=ResourceOptions(import_="{}"))'
    stack.up(program.format("mine"))
    assert stack.resource("a")["id"] == "mine"
    assert len(probe.things) == 1
    assert stack.up(program.format("mine")).changes["same"] == 1
    assert stack.up('Thing("a", name="made-by-hand", value="2")').changes["update"] == 1
    assert probe.things["mine"]["value"] == "2"
    outcome = stack.run("up", 'Thing("b", opts=ResourceOptions(import_="nothing"))')
    assert not outcome.ok
    assert "does not exist" in outcome.text


GET = """
class Found(Thing):
    pass

found = Thing.__new__(Thing)
outputs = {"echo": None, "value": None, "serial": None}
pulumi.CustomResource.__init__(found, "probe:index:Thing", "found", outputs, ResourceOptions(id="mine"))
Thing("a", value=found.echo)
pulumi.export("echo", found.echo)
"""


def test_a_resource_that_is_only_looked_up_is_never_deleted(stack, probe):
    probe.things["mine"] = {"name": "made-by-hand", "value": "1", "serial": 7, "config": {}}
    outcome = stack.up(GET)
    assert outcome.outputs == {"echo": "1"}
    assert stack.resource("found")["external"] is True
    stack.destroy()
    assert list(probe.things) == ["mine"]
    del probe.things["mine"]
    missing = stack.run("up", GET)
    assert not missing.ok
    assert "does not exist" in missing.text


SECRETS = """
config = pulumi.Config()
a = Thing("a", value=config.require_secret("wordSecret"))
b = Thing("b", value=a.echo)
c = Thing("c", value="open", opts=ResourceOptions(additional_secret_outputs=["echo"]))
Thing("d", value=c.echo)
pulumi.export("hidden", b.echo)
pulumi.export("open", "open")
"""


def test_secrets_are_nowhere_in_plain_text(stack, probe):
    config = {"wordSecret": "xyzzy-very-secret"}
    outcome = stack.up(SECRETS, config=config)
    assert outcome.outputs == {"hidden": "xyzzy-very-secret", "open": "open"}
    assert "xyzzy" not in stack.text()
    assert probe.by_name(stack.resource("a")["inputs"]["name"])["value"] == "xyzzy-very-secret"
    for name, where, key in (("a", "inputs", "value"), ("b", "inputs", "value"), ("c", "outputs", "echo")):
        assert "ciphertext" in stack.resource(name)[where][key], (name, where, key)
    assert "ciphertext" in stack.resource("d")["inputs"]["value"]
    assert stack.resource("c")["additionalSecretOutputs"] == ["echo"]
    assert stack.deployment()["secrets_providers"]["type"] == "passphrase"
    assert stack.up(SECRETS, config=config).changes["same"] == 4
    changed = stack.up(SECRETS, config={"wordSecret": "plugh-another"})
    assert changed.changes["update"] == 2
    assert "plugh" not in stack.text()
    assert "plugh" not in json.dumps([line for line in changed.text.splitlines() if "update" in line])


def test_a_provider_may_give_secret_outputs(stack, probe):
    probe.secret_outputs = True
    stack.up('a = Thing("a")\nThing("b", value=a.token)')
    assert "ciphertext" in stack.resource("a")["outputs"]["token"]
    assert "ciphertext" in stack.resource("b")["inputs"]["value"]
    assert "token-of-" not in stack.text()


def test_invoke(stack, probe):
    program = 'pulumi.export("twice", pulumi.runtime.invoke("probe:index:double", {}).value["doubled"])'
    outcome = stack.up(program.format('{"text": "ab"}'))
    assert outcome.outputs == {"twice": "abab"}
    refused = stack.run("up", program.format('{"text": "bad"}'))
    assert not refused.ok
    assert "is bad" in refused.text


def test_custom_timeouts_reach_the_provider(stack, probe):
    timeouts = 'opts=ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1m30s", delete="2h"))'
    stack.up(f'Thing("a", {timeouts})')
    assert next(call for call in probe.calls if call.op == "create").timeout == 90
    stack.destroy()
    assert next(call for call in probe.calls if call.op == "delete").timeout == 7200


def test_unknown_values_reach_a_preview_as_unknown(stack, probe):
    program = 'a = Thing("a", key="{}")\nThing("b", value=a.serial.apply(str))\npulumi.export("n", a.serial)'
    stack.up(program.format(1))
    planned = stack.preview(program.format(2))
    assert planned.changes["replace"] == 1
    assert planned.changes["update"] == 1


def test_a_component_keeps_its_outputs(stack):
    program = """
class Box(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Box", name, None, opts)
        thing = Thing(f"{name}-thing", value="1", opts=ResourceOptions(parent=self))
        self.register_outputs({"echo": thing.echo})

Box("box")
"""
    stack.up(program)
    assert stack.resource("box")["outputs"] == {"echo": "1"}
    assert stack.up(program).changes["same"] == 2
    assert stack.resource("box")["outputs"] == {"echo": "1"}


def test_another_engine_goes_on_from_the_state(stack, probe):
    """With `--engine pulumi` this is Pulumi's own engine, then the offline one, then Pulumi's again."""
    config = {"wordSecret": "xyzzy-very-secret"}
    stack.up(SECRETS, config=config)
    other = stack.other()
    assert other.up(SECRETS, config=config).changes["same"] == 4
    more = f'{SECRETS}\nThing("e", value=a.echo, opts=ResourceOptions(protect=False, parent=b))'
    assert other.up(more, config=config).changes == {
        "create": 1,
        "update": 0,
        "replace": 0,
        "delete": 0,
        "same": 4,
    }
    assert stack.up(more, config=config).changes["same"] == 5
    assert stack.refresh(more).changes["update"] == 0
    stack.destroy(more)
    assert probe.things == {}

"""One stack is one environment: its file in, its resources and outputs out."""

import pulumi

from bedplate import environment

env = environment.load(pulumi.Config("bedplate"), region=pulumi.Config("aws").get("region"))
for name, value in environment.deploy(env).items():
    pulumi.export(name, value)

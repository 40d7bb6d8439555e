"""The sandbox's AWS provider: boto3 against moto, and a store of its own for what moto lacks."""

"""The sandbox's Kubernetes provider: what an API server checks, kept in the sandbox's own store.

No controller runs: a Deployment makes no pods. An object's status is what a settled cluster would show.
"""

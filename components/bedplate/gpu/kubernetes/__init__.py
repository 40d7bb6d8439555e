"""What makes GPUs usable in a cluster: drivers, plugins, features, health and claims."""

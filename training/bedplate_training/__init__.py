"""The training workload that measures a stack: data, model, loop, checkpoints, probes and the report.

It needs PyTorch (`pip install 'bedplate[training]'`) and nothing of Bedplate's components: it runs in a
container on the cluster that they made.
"""

"""Short measurements of one thing at a time, before training: storage, network, accelerator, node."""

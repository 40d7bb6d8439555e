"""GPU machines of a cluster: what they are, how they reach each other, how they are paid for."""

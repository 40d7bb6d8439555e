"""Networks: where machines live and how they reach each other and the world."""

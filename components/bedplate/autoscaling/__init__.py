"""What makes machines, replicas and ways in follow the load."""

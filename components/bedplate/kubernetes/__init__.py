"""What the Kubernetes layer shares: handles of clusters and node pools, charts, and how objects are made."""

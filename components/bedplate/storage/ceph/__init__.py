"""Storage on your own racks: Ceph run by Rook, or a Ceph cluster that exists already."""

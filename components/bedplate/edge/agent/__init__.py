"""What runs at the edge: it brings models over a bad link, and keeps the last good one.

Standard library only, and only relative imports: the modules are shipped in a ConfigMap and run by a plain
Python image as `python -m agent update|mirror|coordinate`.
"""

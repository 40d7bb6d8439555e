"""What an API server asks of objects beyond their schemas, by kind and field.

Rules: kubernetes/kubernetes v1.36.3, pkg/apis/*/validation. `forms.py` has what the modules share.
"""

"""An offline stand-in for the clouds: provider servers, an embedded engine and a pytest fixture."""

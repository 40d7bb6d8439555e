"""Provider servers of the sandbox, one package per cloud."""

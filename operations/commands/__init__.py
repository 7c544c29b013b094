"""The commands, one module a runbook: options, and how the result is shown."""

"""The files here are programs; only the tests among them are collected."""

collect_ignore = ["bridge.py", "operators.py", "modules.py", "optimizers.py"]

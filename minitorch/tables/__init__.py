"""More rows of the table, by family: see ``primitives.py``."""

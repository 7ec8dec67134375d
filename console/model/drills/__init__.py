"""Failure drills: what can be broken on purpose, how it is undone, and what is measured. Pure."""

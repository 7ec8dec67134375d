"""Verification: gathers what the checks go by, and disturbs the stack where that was asked for."""

"""Acceptance: does a live stack meet the criteria that its owners hold it to. Judged from what was gathered, purely."""

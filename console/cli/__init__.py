"""The headless front end: arguments in, narration on stderr, the product on stdout."""

"""Widgets that draw line by line, so that ten thousand rows cost what fits on the screen."""

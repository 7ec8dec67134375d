"""Turns a sentence into calls of tools, over the Model Context Protocol."""

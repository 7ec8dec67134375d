"""The terminal front end. The only package that knows Textual."""

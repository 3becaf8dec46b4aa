"""The routes: each parses, calls one function, maps the result."""

"""The HTTP edge: a route parses, calls one engine function, maps the result."""

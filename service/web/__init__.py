"""Server-rendered pages and their vendored static files."""

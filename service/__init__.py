"""What to do about a finding, and how people reach it: recovery engine, store, API, page, command line."""

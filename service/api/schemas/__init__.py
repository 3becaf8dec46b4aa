"""What goes over the wire, with examples. Unknown numbers are null, times are UTC, spans are seconds."""

"""Commands that measure: none is part of the product, each prints what it found."""

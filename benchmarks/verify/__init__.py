"""How fast cases are verified."""

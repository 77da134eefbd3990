"""A contract in the formats of other tools. Each says in its description what it cannot say."""

"""The inputs that a contract is verified with, derived from the contract alone."""

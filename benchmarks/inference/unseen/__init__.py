"""Models that the inference was never run on while it was made: only counted, like the other held-out ones."""

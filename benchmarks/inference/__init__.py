"""How often the inferred contract is exactly the one that the author of a model meant.

`models/` and `held_out/` hold models as people write them, each with inputs that it runs on meaningfully (good) and
inputs that it does not (bad), made by hand from the source. `confirm` holds the lists against the eager models;
`run` holds the inferred contracts against the lists.
"""

"""The parts of `client.py` and `validator.py` that are the same for every model.

`assemble` copies these modules into both files verbatim, without their imports of each other. They need numpy and the
standard library of Python 3.9, and a name is defined in one of them only.
"""

"""The models that may be looked at while the inference is worked on."""

"""The models that are only counted: who works on the inference does not read these files."""

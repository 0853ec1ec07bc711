"""Data: a source becomes Faces, Faces become a development part and a sealed test part."""

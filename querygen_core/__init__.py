"""querygen: product and market questions for every product of a catalogue."""

__version__ = "0.1.0"

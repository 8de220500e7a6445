"""The figures that Loopline promises, each beside its goal: `make bench`."""

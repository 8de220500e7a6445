"""One small safe expression language, evaluated on Polars and on NumPy."""

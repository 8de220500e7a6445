"""Refused rows: kept, mended, replayed, discarded."""

"""Readers, built-in sets, schema inference, splits and the encoded cache: raw data becomes records."""

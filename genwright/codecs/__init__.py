"""One kind of column a file: records ↔ tensors."""

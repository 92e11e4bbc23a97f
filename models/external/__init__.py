"""Networks that others trained and exported to ONNX, turned into bundles."""

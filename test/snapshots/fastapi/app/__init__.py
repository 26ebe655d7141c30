"""An HTTP API in front of a large language model."""

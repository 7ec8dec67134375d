"""The cluster over the wire: connection, client, watches, logs, metrics, and the translation into the model."""

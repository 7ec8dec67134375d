"""The API server: what Kubernetes answers over HTTP, and the rules that every write goes through."""

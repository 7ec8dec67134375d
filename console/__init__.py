"""Stack Console: deploys stacks to Kubernetes and says why something is wrong."""

__version__ = "0.1.0"

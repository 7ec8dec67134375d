"""The embedded cluster: a Kubernetes API on loopback whose pods are local processes.

A program of its own (`python -m console.sandbox`): it imports nothing else of the console, and the console reaches it
by kubeconfig only, like any other cluster.
"""

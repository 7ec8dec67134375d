"""The kubelet: pods as real processes on this machine."""

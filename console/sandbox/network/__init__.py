"""The cluster's network: loopback addresses, and Services and Ingresses as real sockets."""

"""What keeps the cluster as its objects say it should be."""

"""What happens: planning, deploying, watching. Reaches the world through the ports only."""

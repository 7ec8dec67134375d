"""How the world is reached: the wire on one side, the model on the other."""

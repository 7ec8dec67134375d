"""Tools on tasks for agents, over the Model Context Protocol."""

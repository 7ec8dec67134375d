"""Images: what they are made of (content digest), how they are built, and how they get into a registry."""

"""Images by a Docker engine: built by BuildKit, or by the engine's classic builder where there is no buildx; pushed."""

"""One module a command: arguments -> calls of the engine -> what is printed. Each `run` returns how it ended."""

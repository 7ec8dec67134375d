"""`python -m mcp_server`."""

from serving import run

run("mcp_server.app:create")

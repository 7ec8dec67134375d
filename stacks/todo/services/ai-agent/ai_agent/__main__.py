"""`python -m ai_agent`."""

from serving import run

run("ai_agent.app:create")

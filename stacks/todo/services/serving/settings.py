"""Settings come from the environment, are read once, and are frozen."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Settings(BaseModel):
    """Base of every service's settings: the field `mcp_url` is the variable MCP_URL. Empty counts as not set."""

    # A value may be secret: it must not get into a message.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


Model = TypeVar("Model", bound=Settings)


def read_settings(model: type[Model], environment: Mapping[str, str] = os.environ) -> Model:
    """Reads the settings. Raises SystemExit(1) after logging what is missing or wrong, by name, never by value."""
    given = {name: environment[name.upper()] for name in model.model_fields if environment.get(name.upper())}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = str(problem["loc"][0]).upper()
            text = "is not set" if problem["type"] == "missing" else f"is wrong: {problem['msg']}"
            logging.getLogger("settings").error("%s %s", name, text)
        sys.exit(1)

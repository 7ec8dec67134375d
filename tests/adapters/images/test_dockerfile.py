"""The stop signal of an image, as its Dockerfile declares it."""

import pytest

from console.adapters.images.dockerfile import stop_signal

STAGES = """
FROM node:18 AS build
STOPSIGNAL SIGINT
RUN make
FROM --platform=linux/amd64 nginx:alpine as run
# STOPSIGNAL SIGTERM
copy --from=build /x /y
stopsignal \\
    SIGQUIT
FROM build AS debug
FROM run
"""


@pytest.mark.parametrize(
    ("text", "target", "signal"),
    [
        ("FROM scratch", "", ""),
        ("FROM scratch\nSTOPSIGNAL SIGQUIT", "", "SIGQUIT"),
        ('FROM scratch\nSTOPSIGNAL "9"', "", "9"),
        ("FROM a\nSTOPSIGNAL SIGINT\nFROM b", "", ""),
        (STAGES, "", "SIGQUIT"),
        (STAGES, "run", "SIGQUIT"),
        (STAGES, "Build", "SIGINT"),
        (STAGES, "debug", "SIGINT"),
    ],
)
def test_the_stage_that_is_built_decides(tmp_path, text, target, signal):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)
    assert stop_signal(dockerfile, target) == signal

"""Words that every surface shares."""

import pytest

from console.model.wording import image_name

TAG = "b3e0386005d4cbefe39091f54dd05ab1"
DIGEST = "sha256:924563b6c7bbb575c2cd3f0981605b2d976f7016679b8bcf451e2b0e1dd6411b"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (f"127.0.0.1:5000/shop/web:{TAG}@{DIGEST}", "127.0.0.1:5000/shop/web:b3e0386005d4"),
        (f"127.0.0.1:5000/shop/web@{DIGEST}", "127.0.0.1:5000/shop/web@sha256:924563b6c7bb"),
        ("postgres:16-alpine", "postgres:16-alpine"),
        ("localhost:5000/web", "localhost:5000/web"),
        ("web", "web"),
    ],
)
def test_an_image_is_told_by_what_tells_it_apart(reference: str, told: str) -> None:
    assert image_name(reference) == told

"""Certificates, tokens and the kubeconfig: made once, private, and kept."""

from __future__ import annotations

import base64
import json
import ssl
import stat
from pathlib import Path

import pytest

from console.sandbox.pki import Authority

ACCOUNT = {"metadata": {"namespace": "work", "name": "reader", "uid": "of-reader"}}


def test_everything_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = Authority(tmp_path / "pki")
    again = Authority(tmp_path / "pki")
    assert (again.admin_token, again.root_certificate) == (first.admin_token, first.root_certificate)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "pki").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    assert isinstance(first.server_context(), ssl.SSLContext)


def test_the_kubeconfig_is_private_and_complete(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    path = tmp_path / "kubeconfig"
    authority.write_kubeconfig(path, "https://127.0.0.1:1234")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = json.loads(path.read_text())
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:1234"
    assert base64.b64decode(cluster["certificate-authority-data"]).decode() == authority.root_certificate
    assert authority.static_user(config["users"][0]["user"]["token"]) is not None


def test_a_token_says_whose_it_is_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path / "pki")
    token = authority.service_account_token(ACCOUNT, 600)["token"]
    claims = authority.claims(token)
    assert claims
    assert claims["sub"] == "system:serviceaccount:work:reader"
    assert claims["kubernetes.io"]["serviceaccount"] == {"name": "reader", "uid": "of-reader"}
    monkeypatch.setattr("console.sandbox.pki.time.time", lambda: claims["exp"] + 1)
    assert authority.claims(token) is None


def test_a_token_of_another_cluster_is_worth_nothing_here(tmp_path: Path) -> None:
    token = Authority(tmp_path / "one").service_account_token(ACCOUNT, 600)["token"]
    assert Authority(tmp_path / "two").claims(token) is None
    assert Authority(tmp_path / "two").claims("") is None
    assert Authority(tmp_path / "two").claims("not.a.token") is None


def test_further_users_can_be_listed_as_in_a_static_token_file(tmp_path: Path) -> None:
    Authority(tmp_path / "pki")
    with (tmp_path / "pki" / "tokens.csv").open("a") as file:
        file.write('secret-of-jane,jane,17,"team-a,team-b"\n')
    jane = Authority(tmp_path / "pki").static_user("secret-of-jane")
    assert jane
    assert (jane.name, jane.uid, jane.groups) == ("jane", "17", ("team-a", "team-b", "system:authenticated"))

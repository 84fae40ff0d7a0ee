"""`serve` over https, and what is said when it cannot."""

import ssl
from pathlib import Path

import httpx
import pytest

from pullsvc.cli.doctor import State, _browsers
from pullsvc.config import Settings
from tests.cli.running import command_now
from tests.serving import serving

TLS = Path(__file__).parent / "tls"
PAIR = ("--tls-cert", str(TLS / "cert.pem"), "--tls-key", str(TLS / "key.pem"))


class TestServe:
    def test_answers_https_with_the_given_certificate(
        self, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", PAIR[1])  # The certificate vouches for itself.
        with serving(database_url, tmp_path, "--no-worker", *PAIR) as (_, address):
            answer = httpx.get(f"{address}/livez", verify=ssl.create_default_context(cafile=PAIR[1]))

        assert address.startswith("https://127.0.0.1:")
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("cert", "key"), [(PAIR[1], PAIR[1]), ("/nowhere/cert.pem", PAIR[3]), (PAIR[1], "/nowhere/key.pem")]
    )
    def test_says_what_is_wrong_with_a_certificate_before_it_starts(
        self, database_url: str, cert: str, key: str
    ) -> None:
        done = command_now(database_url, "serve", "--port", "0", "--tls-cert", cert, "--tls-key", key)

        assert done.returncode == 1
        assert f"cannot use the certificate {cert}" in done.stderr

    def test_wants_certificate_and_key(self, database_url: str) -> None:
        done = command_now(database_url, "serve", *PAIR[:2])

        assert done.returncode == 2
        assert "--tls-key" in done.stderr


class TestDoctor:
    def test_tells_whether_people_can_sign_in(self) -> None:
        cert, certs_key = Path(PAIR[1]), Path(PAIR[3])

        assert _browsers(Settings()).state is State.FINE
        assert _browsers(Settings(host="0.0.0.0", tls_cert=cert, tls_key=certs_key)).state is State.FINE
        assert _browsers(Settings(host="0.0.0.0")).state is State.NOTE
        assert _browsers(Settings(insecure_cookies=True)).state is State.NOTE
        assert _browsers(Settings(tls_cert=cert, tls_key=Path("/nowhere"))).state is State.BROKEN

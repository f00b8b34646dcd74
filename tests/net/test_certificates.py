"""A certificate that has expired is told in the log: at the start, at a reload, when it happens, and every day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trustme
from cryptography import x509
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.net.tls import Certificate
from gameserver.net.x509 import first_expiry
from tests.support.logs import Lines

AUTHORITY = trustme.CA()
NOW = datetime(2030, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def issue(folder: Path, expires_at: datetime) -> trustme.LeafCert:
    issued = AUTHORITY.issue_cert("127.0.0.1", not_after=expires_at)
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return issued


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 9999])
def test_the_expiry_of_a_certificate_is_found_in_it(year: int) -> None:
    expires_at = datetime(year, 12, 31, 23, 59, 58, tzinfo=UTC)
    issued = AUTHORITY.issue_cert("127.0.0.1", not_before=expires_at - DAY, not_after=expires_at)
    pem = issued.cert_chain_pems[0].bytes()
    assert x509.load_pem_x509_certificate(pem).not_valid_after_utc == expires_at
    assert first_expiry(pem.decode()) == expires_at


def test_of_a_chain_the_first_expiry_counts() -> None:
    later, sooner = (AUTHORITY.issue_cert("x", not_after=NOW + days * DAY).cert_chain_pems[0] for days in (2, 1))
    text = f"Subject: whoever\n{later.bytes().decode()}and\n{sooner.bytes().decode()}"
    assert first_expiry(text) == NOW + DAY


@pytest.mark.parametrize("body", ["", "AAAA", "MIIB", "MAMCAQE=", "not base64!"])
def test_what_is_no_certificate_has_no_expiry(body: str) -> None:
    assert first_expiry(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n") is None
    assert first_expiry(body) is None


@pytest.mark.expects_errors
async def test_a_certificate_that_expires_is_told_then_and_every_day(
    tmp_path: Path, autojump_clock: MockClock, entries: Lines
) -> None:
    issue(tmp_path, NOW + 2.5 * DAY)
    certificate = Certificate(str(tmp_path / "server.pem"), "")
    began_s = trio.current_time()

    def now_ms() -> int:
        return int((NOW.timestamp() + trio.current_time() - began_s) * 1000)

    with trio.move_on_after(2.4 * DAY.total_seconds()):
        await certificate.watch(now_ms)
    assert entries.text == [""]
    with trio.move_on_after(3 * DAY.total_seconds()):
        await certificate.watch(now_ms)
    assert entries.of("certificate_expired") == 3 * [
        {"level": "error", "file": str(tmp_path / "server.pem"), "expired_at": "2030-06-03T12:00:00Z"}
    ]


@pytest.mark.expects_errors
async def test_what_a_reload_brings_is_looked_at_at_once(tmp_path: Path, mock_clock: MockClock, entries: Lines) -> None:
    issue(tmp_path, NOW + DAY)
    certificate = Certificate(str(tmp_path / "server.pem"), "")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(certificate.watch, lambda: int(NOW.timestamp() * 1000))
        for days, told in ((2, 0), (-1, 1), (0, 2), (3, 2)):
            issue(tmp_path, NOW + days * DAY)
            certificate.reload()
            await wait_all_tasks_blocked()
            assert len(entries.of("certificate_expired")) == told
        nursery.cancel_scope.cancel()

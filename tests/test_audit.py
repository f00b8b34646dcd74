import json
import subprocess

import pytest

from tests.support import audit

SOUND = {"name": "trio", "version": "1", "vulns": []}
UNKNOWN = {"name": "other", "skip_reason": "not found"}
VULNERABLE = {"name": "h11", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND, UNKNOWN], 0, "1 packages audited, 0 vulnerabilities found"),
        ([SOUND, VULNERABLE], 1, "h11 2: CVE-1, mended in 3"),
        ([UNKNOWN], 0, "audit skipped"),
        (None, 0, "audit skipped"),
    ],
)
def test_an_audit_fails_for_a_vulnerability_alone_and_says_when_it_was_none(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[object] | None,
    code: int,
    said: str,
) -> None:
    printed = "" if packages is None else json.dumps({"dependencies": packages})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, printed, ""))
    assert audit.main() == code
    assert said in capsys.readouterr().out

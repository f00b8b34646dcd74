"""Look the installed packages up in a database of known vulnerabilities: ``make audit``.

Fails for a vulnerability alone. Where no database answers, it says so: an audit of nothing finds nothing.
"""

import json
import subprocess
import sys

TIMEOUT_S = 120
COMMAND = ("pip_audit", "--skip-editable", "--progress-spinner", "off", "--timeout", "5", "--format", "json")


def main() -> int:
    """The process's exit code: 1 for a vulnerability found."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        packages = []
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        print("audit skipped: no database of vulnerabilities is within reach")
        return 0
    found = [(package, vulnerability) for package in audited for vulnerability in package["vulns"]]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {fixed}")
    print(f"{len(audited)} packages audited, {len(found)} vulnerabilities found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

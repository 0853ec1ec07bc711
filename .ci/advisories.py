"""Whether an installed package has a published security advisory, asked of pip-audit.

In: the packages of this environment. Out: one line, and exit code 1 where an advisory applies. pip-audit answers "none
known" when its source is out of reach, because then it skips every package; here that is told as what it is.
"""

import json
import subprocess
import sys
from typing import Any

SECONDS = 120  # for the whole of it


def verdict(report: str) -> tuple[int, str]:
    """Exit code and line for what pip-audit wrote as JSON; an empty or broken report is no answer."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, "advisories: skipped, pip-audit reached no source"
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return 0, f"advisories: skipped, pip-audit reached no source for any of {len(packages)} packages"
    found = [_told(package, advisory) for package in asked for advisory in package["vulns"]]
    if not found:
        return 0, f"advisories: none for {len(asked)} packages, {len(packages) - len(asked)} not known to the source"
    return 1, "\n".join(["advisories:", *found, "Raise these versions: make constraints, then make check test."])


def _told(package: dict[str, Any], advisory: dict[str, Any]) -> str:
    mended = ", ".join(advisory["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {advisory['id']}, mended in {mended}"


def report() -> str:
    """What pip-audit writes about this environment; empty where it gives up."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


if __name__ == "__main__":
    code, line = verdict(report())
    sys.stdout.write(line + "\n")
    sys.exit(code)

"""Provide a browser for the tests: `python -m tests.provide_browser`.

The system's Chromium if there is one; else, as root on Debian and its kin, the package chromium; else playwright's own.
"""

import os
import shutil
import subprocess
import sys


def find_browser() -> str | None:
    """The path of the system's Chromium, for playwright's `executable_path`; None: use playwright's own."""
    return shutil.which("chromium")


def install_package() -> None:
    """Debian's package; CalledProcessError if apt-get fails."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=environ)


def install_own() -> None:
    """Playwright's own Chromium, unless it is there."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True, stdin=subprocess.DEVNULL)


def may_install_packages() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def provide() -> str:
    """Install a browser if there is none, and say which will be used."""
    if not find_browser() and may_install_packages():
        try:
            install_package()
        except subprocess.CalledProcessError as error:
            print(f"The package chromium could not be installed ({error}); trying playwright's own.", file=sys.stderr)
    if not find_browser():
        install_own()
    return find_browser() or "playwright's own Chromium"


if __name__ == "__main__":
    print(f"Browser for the tests: {provide()}")

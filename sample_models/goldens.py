"""Renew the checked-in contract, client and validator of every sample: `make goldens`, or with names for some."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import contractgen
from sample_models.catalogue import SAMPLES

BUDGET = 600.0
"""Seconds: no result depends on it, and a busy machine must not end one."""


def main() -> int:
    wanted = set(sys.argv[1:])
    failed = 0
    for sample in SAMPLES:
        if wanted and sample.name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            exported = contractgen.export(
                sample.save(Path(scratch)),
                model=sample.factory,
                name=sample.name,
                out=sample.contract,
                budget=BUDGET,
                force=True,
            )
        changed = [file.path.name for file in exported.written if file.change != "unchanged"]
        verdict = "verified" if exported.verification.ok else "VERIFICATION FAILED"
        print(f"{sample.name:<12} {verdict}; {'renewed ' + ', '.join(changed) if changed else 'unchanged'}")
        failed += not exported.verification.ok
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

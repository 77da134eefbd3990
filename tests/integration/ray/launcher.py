"""`serve run config.yaml` in a Ray of its own on loopback, without the dashboard: `launcher.py CONFIG`."""

from __future__ import annotations

import sys
import tempfile

import ray
from ray.serve.scripts import run

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as place:
        ray.init(
            _node_ip_address="127.0.0.1", include_dashboard=False, num_cpus=4, object_store_memory=100 * 2**20,
            _temp_dir=place,
        )  # fmt: skip
        run.main([sys.argv[1]], standalone_mode=False)

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from layerlab.nodes.store import lease
from layerlab.nodes.store.lease import claim, is_held


def test_a_claim_excludes_another_until_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "leases" / "a"
    with claim(path) as first:
        assert first
        assert is_held(path)
        with claim(path) as second:
            assert not second
        assert is_held(path)
    assert not path.exists()
    with claim(path) as again:
        assert again


def test_the_lease_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    program = (
        "import os, sys; from pathlib import Path; from layerlab.nodes.store.lease import claim\n"
        "with claim(Path(sys.argv[1])) as mine:\n    assert mine\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert path.exists()
    assert not is_held(path)
    with claim(path) as mine:
        assert mine


def test_a_lease_of_another_host_is_kept_while_its_heart_beats(tmp_path: Path) -> None:
    path = tmp_path / "a"
    holder = {"host": "elsewhere", "pid": os.getpid(), "born": "1", "token": "t"}
    path.write_text(json.dumps(holder), encoding="utf-8")
    with claim(path) as mine:
        assert not mine
    long_ago = time.time() - lease.STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    with claim(path) as mine:
        assert mine


def test_of_many_processes_that_take_over_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("torn", encoding="utf-8")
    long_ago = time.time() - lease.STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    program = (
        "import sys, time; from pathlib import Path; from layerlab.nodes.store.lease import claim\n"
        "while time.time() < float(sys.argv[2]): pass\n"
        "with claim(Path(sys.argv[1])) as mine:\n    print(int(mine)); time.sleep(0.5)\n"
    )
    start = str(time.time() + 1.0)
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path), start], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    won = [process.communicate()[0].strip() for process in processes]
    assert won.count("1") == 1

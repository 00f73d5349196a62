from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from querygen_core.testing import isolation

STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_the_environment_is_empty(tmp_path):
    assert Path.cwd() == tmp_path
    assert list(Path.home().iterdir()) == []
    left = {name for name in os.environ if name.startswith(isolation.SETTINGS_OF_THE_MACHINE)}
    assert left == {"AWS_EC2_METADATA_DISABLED"}


def test_a_child_is_seen_until_it_ends():
    before = isolation.running()
    with subprocess.Popen(STAYS) as child:
        assert isolation.running() - before == {f"process {child.pid}"}
        child.kill()
    assert isolation.running() == before


def test_a_thread_is_seen_until_it_ends():
    before = isolation.running()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="left")
    thread.start()
    assert isolation.running() - before == {f"thread left ({thread.ident})"}
    end.set()
    thread.join()
    assert isolation.running() == before


def test_what_ends_soon_is_not_left_behind():
    before = isolation.running()
    thread = threading.Timer(0.1, lambda: None)
    thread.start()
    assert isolation.left_running(before, 0.01)
    assert not isolation.left_running(before, 10)

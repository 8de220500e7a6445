"""What the process does with freed memory, and that the user's word on it stands."""

import os
import subprocess
import sys

SHOW = "import os, gc; from loopline.cli.memory import keep_freed; keep_freed(); print(os.environ['_RJEM_MALLOC_CONF']); print(gc.get_threshold()[0])"


def shown(**environment):
    process = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return process.stdout.split()


def test_what_was_freed_is_kept_for_a_while():
    settings, threshold = shown()
    assert "dirty_decay_ms" in settings
    assert int(threshold) > 10_000


def test_what_the_user_says_stands():
    assert shown(_RJEM_MALLOC_CONF="narenas:3", MALLOC_ARENA_MAX="4")[0] == "narenas:3"

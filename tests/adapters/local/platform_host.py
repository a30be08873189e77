"""A Headway to kill: hosts a LocalPlatform of the folder given, brings up web-1, says so, and stays; with `restart`, it replaces Envoy."""

import sys
import time
from pathlib import Path

from local_stand import PLACE, Stand, platform, release

local = platform(Path(sys.argv[1]))
local.reserve(PLACE)
stand = Stand(local)
stand.scale(release("1"), 2)
stand.weigh(web_1=100)
print("serving", flush=True)
if sys.argv[2:] == ["restart"]:
    local.restart_envoy(PLACE.environment)
time.sleep(600)

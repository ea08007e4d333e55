"""A command for `taskyard work`: payload on stdin, result on stdout, log and progress on stderr. It only pretends.

taskyard work --run resize='python examples/resize.py'
"""

import json
import sys

payload = json.load(sys.stdin) or {}
width = int(payload.get("width", 800))
height = int(payload.get("height", width * 3 // 4))

print(f"resizing to {width}x{height}", file=sys.stderr)
print("progress: 50 reading", file=sys.stderr)
print("progress: 100 written", file=sys.stderr)

json.dump({"width": width, "height": height, "file": f"picture-{width}x{height}.png"}, sys.stdout)

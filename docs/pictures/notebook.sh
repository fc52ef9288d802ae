#!/usr/bin/env bash
# Makes docs/pictures/notebook.png anew: examples/notebook.ipynb, run and shown by a browser, light
# and dark. Wants what the session `clusters` installs, pillow, and Debian's chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

picture=$PWD/docs/pictures/notebook.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp examples/notebook.ipynb "$work"
cd "$work"

for theme in light dark; do
    rm -rf notebook_data notebook_results
    jupyter-nbconvert --to html --execute --theme "$theme" --output "$theme.html" notebook.ipynb
    # No name is looked up: the page asks for scripts, which it does not need.
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --host-resolver-rules="MAP * ~NOTFOUND" --user-data-dir="$work/profile" \
        --hide-scrollbars --window-size=760,715 --screenshot="$theme.png" "file://$work/$theme.html"
done

python3 - "$picture" <<'PYTHON'
import sys

from PIL import Image

halves = [Image.open(f"{theme}.png") for theme in ("light", "dark")]
both = Image.new("RGB", (sum(half.width for half in halves), halves[0].height))
both.paste(halves[0], (0, 0))
both.paste(halves[1], (halves[0].width, 0))
both.quantize(64).save(sys.argv[1], optimize=True)
PYTHON

"""Unpacks an OCI archive into a folder: unpack.py ARCHIVE FOLDER"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

archive, target = sys.argv[1], pathlib.Path(sys.argv[2])
target.parent.mkdir(parents=True, exist_ok=True)
unfinished = target.with_suffix(".new")
shutil.rmtree(unfinished, ignore_errors=True)
unfinished.mkdir()
with tempfile.TemporaryDirectory(dir=target.parent) as folder:
    folder = pathlib.Path(folder)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    blob = lambda descriptor: folder / "blobs" / descriptor["digest"].replace(":", "/")
    manifest = json.loads(blob(json.loads((folder / "index.json").read_text())["manifests"][0]).read_text())
    for layer in manifest["layers"]:
        subprocess.run(["tar", "-xf", blob(layer), "-C", unfinished, "--numeric-owner"], check=True)
        # A layer says "removed" by an empty file beside the name.
        for mark in list(unfinished.rglob(".wh.*")):
            gone = mark.with_name(mark.name.removeprefix(".wh."))
            shutil.rmtree(gone) if gone.is_dir() and not gone.is_symlink() else gone.unlink(missing_ok=True)
            mark.unlink()
unfinished.rename(target)

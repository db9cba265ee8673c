"""The bundle as an archive: readable by other tools, checksums right, every file listed, names as the format says."""

import hashlib
import json
import re
import shutil
import subprocess
import unicodedata
import urllib.parse
import zipfile
import zlib

from rules import utf16_units

TOOLS = {"unzip": ["unzip", "-tqq"], "7z": ["7z", "t", "-bd"]}


class Bundle:
    """A finished bundle, opened for reading."""

    def __init__(self, path):
        self.path = path
        self.zip = zipfile.ZipFile(path)
        self.manifest = json.loads(self.zip.read("manifest.json"))

    def read(self, name):
        """The bytes of one file."""
        return self.zip.read(name)

    def listed(self):
        """What the manifest says of files, as (path, size, sha256)."""
        entries = list(self.manifest["run"]["files"])
        for sheet in self.manifest["sheets"]:
            entries += sheet["files"].values()
        entries += self.manifest.get("scripts", [])
        return [(entry["path"], entry["size"], entry["sha256"]) for entry in entries]

    def workbook_path(self):
        """The one .xlsx file; None without."""
        return next((name for name in self.zip.namelist() if name.endswith(".xlsx")), None)

    def check(self, report):
        """The whole archive, sheets apart."""
        self._check_tools(report)
        names = self.zip.namelist()
        report.equal("", "zip entry names", sorted(set(names)), sorted(names))
        for info in self.zip.infolist():
            allowed = (
                (zipfile.ZIP_STORED,) if info.filename.endswith(".xlsx") else (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            )
            if info.compress_type not in allowed:
                report.differs("", f"{info.filename}, compression method", allowed, info.compress_type)
        sums = dict(reversed(line.split("  ", 1)) for line in self.read("SHA256SUMS").decode().splitlines())
        report.equal("", "files in SHA256SUMS", sorted(set(names) - {"SHA256SUMS"}), sorted(sums))
        sizes = {}
        for name in set(names) & set(sums):
            try:
                data = self.read(name)
            except (zipfile.BadZipFile, zlib.error) as error:
                report.differs("", name, "a readable entry", str(error))
                continue
            sizes[name] = len(data)
            report.equal("", f"SHA256SUMS of {name}", hashlib.sha256(data).hexdigest(), sums[name])
        listed = {path: (size, sha256) for path, size, sha256 in self.listed()}
        unlisted = sorted(set(names) - set(listed) - {"SHA256SUMS", "manifest.json"})
        report.equal("", "files that the manifest does not list", [], unlisted)
        for path, entry in listed.items():
            report.equal("", f"size and sha256 of {path} in the manifest", (sizes.get(path), sums.get(path)), entry)

        for sheet in self.manifest["sheets"]:
            for kind, entry in sheet["files"].items():
                stem = re.fullmatch(
                    rf"{kind}/([A-Za-z0-9_.%-]+|[A-Za-z0-9_.%-]+~[0-9a-f]{{32}})\.{kind}", entry["path"]
                )
                if not stem or ("~" not in stem[1] and urllib.parse.unquote(stem[1]) != sheet["name"]):
                    report.differs(sheet["name"], f"{kind} path", "the percent-encoded sheet name", entry["path"])

    def _check_tools(self, report):
        report.equal("", "first damaged entry (zipfile.testzip)", None, self.zip.testzip())
        for name, command in TOOLS.items():
            if not shutil.which(command[0]):
                print(f"skip {name}: not installed")
                continue
            done = subprocess.run([*command, self.path], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                report.differs(
                    "", f"{' '.join(command)}, exit status", 0, f"{done.returncode}: {done.stdout}{done.stderr}"
                )


def check_excel_names(names, report):
    """Excel's rules for names of worksheets."""
    folded = [unicodedata.normalize("NFC", name).casefold() for name in names]
    report.equal("", "Excel sheet names without case", sorted(set(folded)), sorted(folded))
    for name in names:
        bad = set("[]:*?/\\") & set(name) or name[:1] == "'" or name[-1:] == "'" or name.casefold() == "history"
        if bad or not 1 <= utf16_units(name) <= 31:
            report.differs("", "Excel sheet name", "a valid name", name)

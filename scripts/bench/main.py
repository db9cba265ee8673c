"""Measures runs, restores and their neighbours, and prints our figure, the peer's and their ratio; all of one run of this program.

ROWS, LARGE, SCALE, TABLES and ROUNDS in the environment choose the size; LINES a part: table, demo, many, growth, neighbour, cancel.
"""

import argparse
import json
import os
import platform
import statistics
from datetime import date
from pathlib import Path

import data
import lines
from server import Server


def number(name, default):
    return int(os.environ.get(name, default))


def measure(server, output):
    rows, rounds = number("ROWS", 1_000_000), number("ROUNDS", 5)
    chosen = os.environ.get("LINES", "table,demo,many,growth,neighbour,cancel").split(",")
    heading("Load")
    data.table(server, "bench", rows)
    if "table" in chosen:
        data.empty_table(server, "empty")
        yield from lines.one_table(server, rounds, output)
    if "demo" in chosen:
        scale = number("SCALE", 20)
        data.demo(server, scale)
        yield from lines.whole_database(server, rounds, output, "demo", f"the demo application, scale {scale}", 1.3)
    if "many" in chosen:
        tables = number("TABLES", 1000)
        data.many_tables(server, tables)
        yield from lines.whole_database(server, rounds, output, "many", f"{tables} tables of 100 rows", 1.5)
    if "neighbour" in chosen:
        server.create("small")
        server.run("pgbench", "-i", "-q", "-s", 10, "small")
        yield from lines.neighbour(server, max(rounds, 3), 20, output)
    if "growth" in chosen:
        large = number("LARGE", rows * 10)
        data.table(server, "tenth", rows // 10)
        data.table(server, "large", large)
        yield from lines.growth(server, 3, {rows // 10: "tenth", rows: "bench", large: "large"})
    if "cancel" in chosen:
        yield from lines.cancels(server, 200)


def heading(text):
    print(f"\n== {text} ==", flush=True)


def spread(figures, unit):
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    return f"{middle:.2f} {unit} ({low:.2f} to {high:.2f})" if len(figures) > 1 else f"{middle:.2f} {unit}"


def described(line):
    """The line with its verdict."""
    figure = statistics.median(line.ours)
    if line.theirs:
        figure /= statistics.median(line.theirs)
    verdict = "aim" if figure <= line.aim else "must" if figure <= line.must else "MISSED"
    return {"work": line.work, "peer": line.peer, "unit": line.unit, "ours": line.ours, "theirs": line.theirs,
            "figure": figure, "must": line.must, "aim": line.aim, "reached": verdict}


def show(found):
    line = lines.Line(found["work"], found["peer"], found["must"], found["aim"], found["unit"], found["ours"], found["theirs"])
    theirs = spread(line.theirs, line.unit) if line.theirs else ""
    print(f"| {line.work} | {spread(line.ours, line.unit)} | {line.peer} | {theirs} | {found['figure']:.2f} | {line.must:g} | {line.aim:g} "
          f"| {found['reached']} |", flush=True)


def machine(server):
    cpu = next((row.split(":")[1].strip() for row in Path("/proc/cpuinfo").read_text().splitlines() if row.startswith("model name")), "")
    return {"date": date.today().isoformat(), "cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "server": server.psql("postgres", "SHOW server_version"),
            "extension": server.psql("postgres", "SELECT default_version FROM pg_available_extensions WHERE name = 'paliad_backup'")}


def main():
    parser = argparse.ArgumentParser()
    for name in ("bindir", "socket", "port", "backups", "output"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    server = Server(arguments.bindir, arguments.socket, arguments.port, arguments.backups)
    output = Path(arguments.output)
    found = []
    for line in measure(server, output):
        found.append(described(line))
        show(found[-1])
    about = machine(server)
    heading("Result: medians, with the lowest and highest figure")
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("| work | paliad_backup | peer | its figure | ratio | must | aim | reached |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for line in found:
        show(line)
    noise = [max(line["theirs"]) / min(line["theirs"]) for line in found if len(line["theirs"]) > 1 and line["unit"] == "s"]
    if noise:
        print(f"Noise: of the peers' own figures the highest is up to {max(noise):.2f} times the lowest.")
    (output / "result.json").write_text(json.dumps({"machine": about, "lines": found}, indent=2))


main()

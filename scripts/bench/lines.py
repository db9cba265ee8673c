"""The lines of the table: what is compared with what."""

import random
import subprocess
import threading
import time
from dataclasses import dataclass, field

from server import backup

FULL, TEXTS, CSV = backup(), backup("csv,json"), backup("csv")
VERIFY = "SELECT ok FROM paliad_backup.latest() AS b, paliad_backup.verify(b.id) AS v WHERE NOT v.ok"
RESTORE = """SELECT r.* FROM paliad_backup.latest() AS b,
    paliad_backup.restore(b.id, overwrite => true, dry_run => false, checkpoint => false) AS r"""
GZIP = "COPY measured TO PROGRAM 'gzip -1 > /dev/null' (FORMAT csv, HEADER)"
DROP_BUNDLES = "SELECT count(*) FROM paliad_backup.list() AS b, paliad_backup.delete(b.id) WHERE b.status = 'done'"


@dataclass
class Line:
    """Two series of figures; the ratio of their medians is to stay below `must`. Without a peer the figure itself is."""

    work: str
    peer: str
    must: float
    aim: float
    unit: str = "s"
    ours: list = field(default_factory=list)
    theirs: list = field(default_factory=list)


def one_table(server, rounds, output):
    """One table against pg_dump, COPY and pg_restore."""
    dump = output / "dump"
    full = Line("full bundle of the table", "pg_dump -Fc", 1.3, 1.0)
    texts = Line("csv and json", "pg_dump -Fc", 0.7, 0.5)
    csv = Line("csv", "COPY … TO PROGRAM 'gzip -1'", 0.6, 0.4)
    size = Line("size of csv and json", "pg_dump -Fc", 2.5, 2.0, "MB")
    verify = Line("verify() of the full bundle", "the run that wrote it", 0.5, 0.3)
    restore = Line("restore(), overwrite", "pg_restore --data-only", 1.1, 0.9)
    for _ in range(rounds):
        texts.ours.append(server.timed_sql("bench", TEXTS))
        size.ours.append(int(server.psql("bench", "SELECT size_bytes FROM paliad_backup.latest()")) / 1e6)
        csv.ours.append(server.timed_sql("bench", CSV))
        csv.theirs.append(server.timed_sql("bench", GZIP))
        full.ours.append(server.timed_sql("bench", FULL))
        verify.ours.append(server.timed_sql("bench", VERIFY))
        full.theirs.append(server.timed("pg_dump", "-Fc", "-N", "paliad_backup", "-f", dump, "bench"))
        size.theirs.append(dump.stat().st_size / 1e6)
        restore.ours.append(server.timed_sql("bench", RESTORE))
        server.psql("empty", "TRUNCATE measured; CHECKPOINT")
        restore.theirs.append(server.timed("pg_restore", "--data-only", "-t", "measured", "-d", "empty", dump))
        server.psql("bench", "VACUUM measured; CHECKPOINT")
    texts.theirs, verify.theirs = full.theirs, full.ours
    same = "SELECT md5(string_agg(md5(m::text), '' ORDER BY id)) FROM measured AS m"
    if server.psql("bench", same) != server.psql("empty", same):
        raise SystemExit("the restored tables differ")
    return [full, texts, csv, size, verify, restore]


def whole_database(server, rounds, output, database, work, must):
    line = Line(work, "pg_dump -Fc", must, 1.0)
    for _ in range(rounds):
        line.ours.append(server.timed_sql(database, FULL))
        line.theirs.append(server.timed("pg_dump", "-Fc", "-N", "paliad_backup", "-f", output / "dump", database))
    return [line]


def growth(server, rounds, databases):
    """Time and memory of ten, and a hundred times the rows; `databases` by their rows."""
    small, middle, large = sorted(databases)
    seconds = {rows: [] for rows in databases}
    memory = {rows: [] for rows in databases}
    for _ in range(rounds):
        for rows, database in databases.items():
            seconds[rows].append(server.timed_sql(database, FULL))
            memory[rows].append(peak_memory(server, database))
            server.psql(database, DROP_BUNDLES)
    time_line = Line(f"a row more, {millions(middle)} to {millions(large)}", f"{millions(small)} to {millions(middle)}", 1.1, 1.0, "µs")
    time_line.ours = [(b - a) / (large - middle) * 1e6 for a, b in zip(seconds[middle], seconds[large])]
    time_line.theirs = [(b - a) / (middle - small) * 1e6 for a, b in zip(seconds[small], seconds[middle])]
    lines = [time_line]
    for rows in (middle, large):
        lines.append(Line(f"private memory, {millions(rows)} rows", "", 96, 64, "MB", memory[rows]))
    return lines


def millions(rows):
    return f"{rows / 1e6:g} M"


def peak_memory(server, database):
    """MB of private memory that a run adds to an idle backend, looked at every 10 ms."""
    pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'measured'"
    wait = "SELECT pg_sleep(0.5);"
    process = server.start("psql", "-X", "-qAt", "-d", database, "-c", f"SELECT count(*) FROM paliad_backup.list();{wait}", "-c", FULL,
                           PGAPPNAME="measured")
    backend = ""
    while not backend and process.poll() is None:
        backend = server.psql("postgres", pid)
    time.sleep(0.2)
    idle = peak = private(backend)
    while process.poll() is None:
        peak = max(peak, private(backend))
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(process.stderr.read().decode())
    return (peak - idle) / 1e6


def private(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith(("Private_Clean", "Private_Dirty")))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def neighbour(server, rounds, seconds, output):
    """The p95 latency of one pgbench client while a backup with one thread, or pg_dump, is made over and over."""
    line = Line("p95 of a pgbench client beside it", "beside pg_dump -Fc", 1.1, 1.0, "ms")
    ours = ["psql", "-X", "-qAt", "-d", "bench", "-c", f"SET paliad_backup.threads = 1; {FULL}"]
    theirs = ["pg_dump", "-Fc", "-N", "paliad_backup", "-f", output / "dump", "bench"]
    for _ in range(rounds):
        line.ours.append(p95_beside(server, ours, seconds, output))
        server.psql("bench", DROP_BUNDLES)
        line.theirs.append(p95_beside(server, theirs, seconds, output))
    return [line]


def p95_beside(server, command, seconds, output):
    for log in output.glob("pgbench.*"):
        log.unlink()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            server.run(*command)

    worker = threading.Thread(target=work)
    worker.start()
    server.run("pgbench", "-c", 1, "-T", seconds, "-l", f"--log-prefix={output / 'pgbench'}", "small")
    stop.set()
    worker.join()
    latencies = sorted(int(row.split()[2]) for log in output.glob("pgbench.*") for row in log.read_text().splitlines())
    return latencies[int(len(latencies) * 0.95)] / 1000


def cancels(server, count):
    """Seconds from pg_cancel_backend() to the end of the session, at random moments of a run."""
    whole = server.timed_sql("bench", FULL)
    line = Line("cancel, the slowest", "", 10, 1, "s")
    dice = random.Random(7)
    answers = []
    while len(answers) < count:
        process = server.start("psql", "-X", "-qAt", "-d", "bench", "-c", FULL, PGAPPNAME="measured")
        time.sleep(dice.uniform(0.01, whole))
        found = server.psql("postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'measured' AND state = 'active'")
        begin = time.perf_counter()
        process.communicate()
        if found == "t" and process.returncode:
            answers.append(time.perf_counter() - begin)
        elif not process.returncode:
            server.psql("bench", DROP_BUNDLES)
    line.ours = [max(answers)]
    middle = Line("cancel, the median", "", 10, 1, "s", [sorted(answers)[count // 2]])
    return [line, middle]

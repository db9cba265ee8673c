"""The throwaway server, and its programs."""

import os
import subprocess
import time
from pathlib import Path


class Server:
    def __init__(self, bindir, socket, port, backups):
        self.bindir, self.backups = Path(bindir), Path(backups)
        self.address = ["-h", socket, "-p", str(port), "-U", "postgres"]

    def command(self, program, *arguments):
        return [str(self.bindir / program), *self.address, *map(str, arguments)]

    def psql(self, database, sql, **variables):
        """The output of SQL, unaligned."""
        sets = [f"--set={name}={value}" for name, value in variables.items()]
        command = self.command("psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", *sets, "-d", database, "-f", "-")
        return subprocess.run(command, input=sql, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def create(self, database):
        self.psql("postgres", f"CREATE DATABASE {database}")

    def extend(self, database):
        """Installs the extension, with a directory of the database's own."""
        self.psql(database, f"CREATE EXTENSION paliad_backup; ALTER DATABASE {database} "
                            f"SET paliad_backup.directory = '{self.backups / database}'")

    def start(self, program, *arguments, **environment):
        return subprocess.Popen(self.command(program, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env={**os.environ, **environment})

    def run(self, program, *arguments):
        subprocess.run(self.command(program, *arguments), check=True, stdout=subprocess.DEVNULL)

    def timed(self, program, *arguments):
        """Seconds that a program takes."""
        begin = time.perf_counter()
        self.run(program, *arguments)
        return time.perf_counter() - begin

    def timed_sql(self, database, sql):
        """Seconds that psql takes for a statement, connecting included, as for the other programs."""
        return self.timed("psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql)


def backup(formats="xlsx,json,csv"):
    return f"SELECT id FROM paliad_backup.run('on_demand', formats => '{{{formats}}}')"

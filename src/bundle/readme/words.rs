//! The sentences of README.txt, once per language.

/// What one language says. Each sentence stands alone, so that no grammar depends on a value.
pub(super) struct Words {
    pub title: &'static str,
    pub intro: &'static str,
    pub database: &'static str,
    pub started_at: &'static str,
    pub requested_by: &'static str,
    pub kind: &'static str,
    /// For `on_demand`, `scheduled`, `checkpoint`.
    pub kinds: [&'static str; 3],
    pub scope: &'static str,
    /// For full, config, data.
    pub scopes: [&'static str; 3],
    pub note: &'static str,
    pub id: &'static str,
    pub snapshot: &'static str,
    pub wal: &'static str,
    pub sheets: &'static str,
    pub rows: &'static str,
    pub one_snapshot: &'static str,
    pub uncommitted: &'static str,
    pub no_sheets: &'static str,
    pub lists_follow: &'static str,
    pub files: &'static str,
    pub file_readme: &'static str,
    pub file_manifest: &'static str,
    pub file_xlsx: &'static str,
    pub file_csv: &'static str,
    pub file_json: &'static str,
    pub file_schema: &'static str,
    pub file_restore: &'static str,
    pub file_sums: &'static str,
    pub open_xlsx: &'static str,
    pub xlsx_text: &'static str,
    pub xlsx_exact_elsewhere: &'static str,
    pub open_json: &'static str,
    pub json_text: &'static str,
    pub open_csv: &'static str,
    pub csv_text: &'static str,
    pub csv_caution: &'static str,
    pub csv_use_workbook: &'static str,
    pub csv_import: &'static str,
    pub load: &'static str,
    pub load_empty: &'static str,
    pub load_limits: &'static str,
    pub load_tables: &'static str,
    pub load_others: &'static str,
    pub load_commands: &'static str,
    pub load_between: &'static str,
    pub load_existing: &'static str,
    pub left_out: &'static str,
    pub left_out_text: &'static str,
    pub check: &'static str,
    pub check_unix: &'static str,
    pub check_powershell: &'static str,
    pub check_certutil: &'static str,
}

pub(super) const ENGLISH: Words = Words {
    title: "Backup of a PostgreSQL database",
    intro: "This archive holds the contents of the tables of a PostgreSQL database, in formats that common programs \
        open. It was made with paliad_backup, an extension for PostgreSQL. Reading it takes neither the extension nor \
        PostgreSQL.",
    database: "Database",
    started_at: "Made at",
    requested_by: "Requested by",
    kind: "Occasion",
    kinds: ["on demand", "scheduled", "checkpoint before a change"],
    scope: "Scope",
    scopes: [
        "full (all tables)",
        "config (reference data only, without the application's own records)",
        "data (the application's own records only, without reference data)",
    ],
    note: "Note",
    id: "Backup id",
    snapshot: "Snapshot",
    wal: "WAL position",
    sheets: "Tables",
    rows: "Rows",
    one_snapshot: "All tables were read in one snapshot: they show the database as it was at one moment, and fit \
        together.",
    uncommitted: "The session that made the backup had changed data in the same transaction before. These changes are \
        included, although they were not committed yet and may have been undone afterwards.",
    no_sheets: "There was no table to export: this archive holds no rows.",
    lists_follow: "The lists of tables, of what was excluded and of warnings are at the end of this text.",
    files: "What is in the archive",
    file_readme: "this text",
    file_manifest: "a description for programs: columns, types, keys, row counts, sequences, warnings",
    file_xlsx: "all tables as one workbook, to read, sort, filter and print",
    file_csv: "one file per table, every value exact, to load into a database",
    file_json: "one file per table, for programs",
    file_schema: "the tables' definitions, as commands for a PostgreSQL database",
    file_restore: "brings tables and rows into an empty PostgreSQL database",
    file_sums: "checksums of all other files",
    open_xlsx: "Opening the workbook in Excel or LibreOffice",
    xlsx_text: "Unpack the archive, then double-click paliad-backup.xlsx. Excel's Protected View is enough for reading. \
        The first sheet, Contents, lists all tables with their numbers of rows and a link to each one's sheet; it also \
        says who made the backup and when, and repeats the warnings. Times with a time zone are shown in the zone that \
        is named there. Text in the workbook is never run as a formula. What a spreadsheet cannot hold is kept as text, \
        rounded or shortened; each such case is among the warnings.",
    xlsx_exact_elsewhere: "The other formats hold these values in full.",
    open_json: "Reading the json files",
    json_text: "Each file is one array in UTF-8, and each row begins on a line of its own. Numbers keep all their \
        digits; some programs round them when they read.",
    open_csv: "Reading the csv files",
    csv_text: "They are in UTF-8, with commas between the fields and the column names in the first line. An empty \
        field is NULL (no value); a field of two quotation marks is the empty text. Columns that the database \
        computes by itself (generated columns) are left out.",
    csv_caution: "Do not open csv files by a double click: a spreadsheet then guesses. It may run text that begins with \
        = + - or @ as a formula, drop leading zeros, round long numbers, take text for a date and garble accented \
        letters; what it saves afterwards is no longer the backup.",
    csv_use_workbook: "Open the workbook instead.",
    csv_import: "Import every column as text instead: in Excel by Data > From Text/CSV, without detecting data types; \
        in LibreOffice with UTF-8, comma, and column type Text.",
    load: "Loading the csv files into PostgreSQL",
    load_empty: "Into an empty database, everything at once: tables, rows, keys, indexes, foreign keys and the positions of \
        sequences. It takes nothing but psql (of PostgreSQL 15 or newer) and a role that may create what is missing; on error \
        nothing has changed. In the unpacked folder:",
    load_limits: "The head of schema.sql lists by name what does not come back, such as views, functions and triggers, and checks \
        and defaults that call functions. Where that matters, or where the tables exist already, load the rows alone:",
    load_tables: "The tables must be there first, empty and with the same columns. A dump of the schema has them, and all \
        definitions besides; keep one beside the backups (pg_dump -Fc --schema-only).",
    load_others: "Files that were read from views, foreign tables or queries are not loaded.",
    load_commands: "The commands that load all tables and set all sequences are the last thing in this text, from BEGIN \
        to COMMIT. They are one transaction: after an error, nothing is loaded. Save these lines, in UTF-8, as \
        load.sql in the unpacked folder, and delete those of the tables that you do not want. On Linux and macOS this \
        cuts them out:",
    load_between: "It is best to create foreign keys and triggers after the rows: then the order of the tables does not \
        matter, no trigger fires, and the foreign keys are checked in the end. In the unpacked folder, with your \
        database's name and schema.dump as the dump of the schema:",
    load_existing: "Where foreign keys and triggers exist already, a superuser removes the two dashes before \
        session_replication_role. Then no trigger fires (but those that are enabled ALWAYS or REPLICA), and no foreign \
        key is checked, neither then nor later: load all tables, so that the rows fit together. Without a superuser, \
        leave the dashes, and move the lines of tables that others refer to before those others; triggers fire.",
    left_out: "What is not in the archive",
    left_out_text: "Definitions of views, functions and triggers, roles and rights: pg_dump --schema-only and \
        pg_dumpall --roles-only keep these. Views, materialized views, foreign tables and tables of \
        extensions, unless they are registered for export. Temporary tables. Large objects (pg_largeobject). What was \
        excluded beyond that is listed at the end, with the reasons.",
    check: "Checking that nothing is damaged",
    check_unix: "In the unpacked folder, on Linux (the first line) or macOS (the second); every file must be OK:",
    check_powershell: "In Windows PowerShell; nothing is shown but what is damaged:",
    check_certutil: "A single file in the Windows command prompt; the result must be the one in SHA256SUMS:",
};

pub(super) const GERMAN: Words = Words {
    title: "Sicherung einer PostgreSQL-Datenbank",
    intro: "Dieses Archiv enthält den Inhalt der Tabellen einer PostgreSQL-Datenbank in Formaten, die sich mit gängigen \
        Programmen öffnen lassen. Erstellt wurde es mit paliad_backup, einer Erweiterung für PostgreSQL. Zum Lesen \
        sind weder die Erweiterung noch PostgreSQL nötig.",
    database: "Datenbank",
    started_at: "Erstellt",
    requested_by: "Angefordert von",
    kind: "Anlass",
    kinds: ["auf Anforderung", "nach Zeitplan", "Sicherungspunkt vor einer Änderung"],
    scope: "Umfang",
    scopes: [
        "full (alle Tabellen)",
        "config (nur Referenzdaten, ohne die eigenen Datensätze der Anwendung)",
        "data (nur die eigenen Datensätze der Anwendung, ohne Referenzdaten)",
    ],
    note: "Bemerkung",
    id: "Kennung",
    snapshot: "Snapshot",
    wal: "WAL-Position",
    sheets: "Tabellen",
    rows: "Zeilen",
    one_snapshot: "Alle Tabellen wurden in einem einzigen Snapshot gelesen: Sie zeigen den Stand der Datenbank zu ein \
        und demselben Zeitpunkt und passen deshalb zusammen.",
    uncommitted: "Die Sitzung, die diese Sicherung erstellt hat, hatte zuvor in derselben Transaktion Daten geändert. \
        Diese Änderungen sind enthalten, obwohl sie noch nicht mit COMMIT bestätigt waren und später vielleicht \
        zurückgenommen wurden.",
    no_sheets: "Es gab keine Tabelle zu exportieren: Dieses Archiv enthält keine Zeilen.",
    lists_follow: "Am Ende dieses Textes ist aufgelistet, welche Tabellen enthalten sind, was ausgeschlossen wurde und \
        welche Warnungen es gibt.",
    files: "Was das Archiv enthält",
    file_readme: "dieser Text",
    file_manifest: "eine Beschreibung für Programme: Spalten, Typen, Schlüssel, Zeilenzahlen, Sequenzen, Warnungen",
    file_xlsx: "alle Tabellen in einer Arbeitsmappe, zum Lesen, Sortieren, Filtern und Drucken",
    file_csv: "eine Datei je Tabelle mit exakten Werten, zum Laden in eine Datenbank",
    file_json: "eine Datei je Tabelle, für Programme",
    file_schema: "die Definitionen der Tabellen, als Befehle für eine PostgreSQL-Datenbank",
    file_restore: "bringt Tabellen und Zeilen in eine leere PostgreSQL-Datenbank",
    file_sums: "Prüfsummen aller anderen Dateien",
    open_xlsx: "Die Arbeitsmappe in Excel oder LibreOffice öffnen",
    xlsx_text: "Entpacken Sie das Archiv und öffnen Sie dann paliad-backup.xlsx mit einem Doppelklick. Zum Lesen reicht \
        die „Geschützte Ansicht“ von Excel. Das erste Blatt, Contents, ist das Inhaltsverzeichnis: alle Tabellen mit \
        ihrer Zeilenzahl und einem Link auf ihr Blatt. Dort steht auch, wer die Sicherung wann erstellt hat und welche \
        Warnungen es gibt. Zeitpunkte mit Zeitzone werden in der dort genannten Zone angezeigt. Text in der \
        Arbeitsmappe wird nie als Formel ausgeführt. Was nicht in eine Zelle passt, wird als Text dargestellt, gerundet \
        oder gekürzt; die Warnungen nennen jeden solchen Fall.",
    xlsx_exact_elsewhere: "In den anderen Formaten sind diese Werte vollständig.",
    open_json: "Die json-Dateien lesen",
    json_text: "Jede Datei ist ein Array in UTF-8; jede Zeile der Tabelle beginnt darin auf einer neuen Textzeile. \
        Zahlen sind mit allen Stellen enthalten; manche Programme runden sie beim Lesen.",
    open_csv: "Die csv-Dateien lesen",
    csv_text: "Sie sind in UTF-8 geschrieben; Kommas trennen die Felder, und in der ersten Zeile stehen die \
        Spaltennamen. Ein leeres Feld bedeutet NULL (kein Wert), ein Feld aus zwei Anführungszeichen einen leeren Text. \
        Spalten, die die Datenbank selbst berechnet (generated columns), fehlen.",
    csv_caution: "Öffnen Sie csv-Dateien nicht mit einem Doppelklick, denn dann rät die Tabellenkalkulation: Sie führt \
        Text, der mit = + - oder @ beginnt, womöglich als Formel aus, lässt führende Nullen weg, rundet lange Zahlen, \
        hält Text für ein Datum und zeigt Umlaute falsch an. Was sie danach speichert, ist nicht mehr die Sicherung.",
    csv_use_workbook: "Öffnen Sie stattdessen die Arbeitsmappe.",
    csv_import: "Importieren Sie stattdessen jede Spalte als Text: in Excel über Daten > Aus Text/CSV, ohne \
        Datentyperkennung; in LibreOffice mit UTF-8, Komma und Spaltentyp Text.",
    load: "Die csv-Dateien in PostgreSQL laden",
    load_empty: "In eine leere Datenbank, alles auf einmal: Tabellen, Zeilen, Schlüssel, Indizes, Fremdschlüssel und die Stände der \
        Sequenzen. Nötig sind nur psql (von PostgreSQL 15 oder neuer) und eine Rolle, die anlegen darf, was fehlt; bei einem \
        Fehler bleibt alles, wie es war. Im entpackten Ordner:",
    load_limits: "Am Anfang von schema.sql steht namentlich, was nicht zurückkommt, etwa Sichten, Funktionen und Trigger sowie \
        Prüfungen und Vorgabewerte, die Funktionen aufrufen. Wo es darauf ankommt, oder wo es die Tabellen schon gibt, laden \
        Sie nur die Zeilen:",
    load_tables: "Die Tabellen müssen schon vorhanden sein, leer und mit denselben Spalten. Ein Dump des Schemas enthält sie und \
        alle übrigen Definitionen; bewahren Sie einen bei den Sicherungen auf (pg_dump -Fc --schema-only).",
    load_others: "Dateien, die aus Sichten, Fremdtabellen oder Abfragen stammen, werden nicht geladen.",
    load_commands: "Ganz am Ende dieses Textes stehen, von BEGIN bis COMMIT, die Befehle, die alle Tabellen laden und \
        alle Sequenzen setzen. Sie bilden eine einzige Transaktion: Bei einem Fehler wird nichts geladen. Speichern \
        Sie diese Zeilen in UTF-8 als load.sql im entpackten Ordner und löschen Sie die Zeilen der Tabellen, die Sie \
        nicht brauchen. Unter Linux und macOS schneidet dieser Befehl sie aus:",
    load_between: "Am besten legen Sie Fremdschlüssel und Trigger erst nach dem Laden an: Dann spielt die Reihenfolge der \
        Tabellen keine Rolle, kein Trigger wird ausgelöst, und die Fremdschlüssel werden am Ende geprüft. Im \
        entpackten Ordner, mit dem Namen Ihrer Datenbank statt DATABASE und mit schema.dump als Dump des Schemas:",
    load_existing: "Gibt es Fremdschlüssel und Trigger schon, entfernt ein Superuser die beiden Striche vor der Zeile mit \
        session_replication_role. Dann wird kein Trigger ausgelöst (außer solchen, die mit ENABLE ALWAYS oder ENABLE \
        REPLICA eingeschaltet sind) und kein Fremdschlüssel geprüft, auch später nicht: Laden Sie in diesem Fall alle \
        Tabellen, damit die Zeilen zusammenpassen. Ohne Superuser lassen Sie die Striche stehen und stellen die Zeilen \
        der Tabellen, auf die andere verweisen, vor die der anderen; Trigger werden dabei ausgelöst.",
    left_out: "Was nicht im Archiv ist",
    left_out_text: "Definitionen von Sichten, Funktionen und Triggern, Rollen und Rechte: Diese sichern Sie mit pg_dump --schema-only und pg_dumpall --roles-only. Sichten, materialisierte Sichten, Fremdtabellen und \
        Tabellen von Erweiterungen, sofern sie nicht für den Export registriert sind. Temporäre Tabellen. Large \
        Objects (pg_largeobject). Was darüber hinaus ausgeschlossen wurde, steht mit Begründung am Ende.",
    check: "Prüfen, ob nichts beschädigt ist",
    check_unix: "Im entpackten Ordner, unter Linux (erste Zeile) oder macOS (zweite Zeile); bei jeder Datei muss OK \
        stehen:",
    check_powershell: "In der Windows PowerShell; angezeigt wird nur, was beschädigt ist:",
    check_certutil: "Eine einzelne Datei in der Windows-Eingabeaufforderung; das Ergebnis muss mit dem Wert in SHA256SUMS \
        übereinstimmen:",
};

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
    pub load_text: &'static str,
    pub load_sequences: &'static str,
    pub left_out: &'static str,
    pub left_out_text: &'static str,
    pub check: &'static str,
    pub check_unix: &'static str,
    pub check_windows: &'static str,
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
    file_xlsx: "all tables as one workbook, to read, sort, filter and print; its first sheet is the contents",
    file_csv: "one file per table, every value exact, to load into a database",
    file_json: "one file per table, for programs",
    file_sums: "checksums of all other files",
    open_xlsx: "Opening the workbook in Excel or LibreOffice",
    xlsx_text: "Unpack the archive and double-click paliad-backup.xlsx. Text in the workbook is never run as a \
        formula. What a spreadsheet cannot hold is kept as text, rounded or shortened; each such case is among the \
        warnings at the end.",
    xlsx_exact_elsewhere: "The other formats hold these values in full.",
    open_json: "Reading the json files",
    json_text: "Each file is one array in UTF-8, and each row begins on a line of its own. Numbers keep all their \
        digits; some programs round them when they read.",
    open_csv: "Reading the csv files",
    csv_text: "They are in UTF-8, with commas between the fields and the column names in the first line. An empty \
        field is NULL (no value); a field of two quotation marks is the empty text. Columns that the database \
        computes by itself (generated columns) are left out.",
    csv_caution: "Caution: values are written as they are, also text that begins with = + - or @, which a spreadsheet \
        may run as a formula. A spreadsheet also changes long numbers and what looks like a date. Do not open csv \
        files by a double click.",
    csv_use_workbook: "Open the workbook instead.",
    csv_import: "Import every column as text: in Excel by Data > From Text/CSV, without detecting data types; in \
        LibreOffice with UTF-8, comma, and column type Text.",
    load: "Loading a csv file into PostgreSQL",
    load_text: "The table must exist, and tables that others refer to are loaded first. Unpack the archive, start \
        psql in its folder and type, each command on one line, for example:",
    load_sequences: "Loading does not advance sequences. Their state is in manifest.json under \"sequences\"; for \
        example:",
    left_out: "What is not in the archive",
    left_out_text: "Only rows are exported: no definitions of tables, indexes, views, functions and triggers, no \
        roles and rights, no materialized views, and no large objects (pg_largeobject).",
    check: "Checking that nothing is damaged",
    check_unix: "In the unpacked folder, on Linux (the first line) or macOS (the second):",
    check_windows: "On Windows, file by file; the result must be the one in SHA256SUMS:",
};

pub(super) const GERMAN: Words = Words {
    title: "Sicherung einer PostgreSQL-Datenbank",
    intro: "Dieses Archiv enthält den Inhalt der Tabellen einer PostgreSQL-Datenbank in Formaten, die verbreitete \
        Programme öffnen. Erstellt wurde es mit paliad_backup, einer Erweiterung für PostgreSQL. Zum Lesen braucht \
        man weder die Erweiterung noch PostgreSQL.",
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
    one_snapshot: "Alle Tabellen wurden in einem einzigen Snapshot gelesen: Sie zeigen die Datenbank, wie sie in \
        einem Augenblick war, und passen zueinander.",
    uncommitted: "Die Sitzung, die diese Sicherung erstellt hat, hatte in derselben Transaktion zuvor Daten geändert. \
        Diese Änderungen sind enthalten, obwohl sie noch nicht mit COMMIT bestätigt waren und danach rückgängig \
        gemacht worden sein können.",
    no_sheets: "Es gab keine Tabelle zu exportieren: Dieses Archiv enthält keine Zeilen.",
    lists_follow: "Am Ende dieses Textes stehen die Listen der Tabellen, des Ausgeschlossenen und der Warnungen.",
    files: "Was im Archiv ist",
    file_readme: "dieser Text",
    file_manifest: "eine Beschreibung für Programme: Spalten, Typen, Schlüssel, Zeilenzahlen, Sequenzen, Warnungen",
    file_xlsx: "alle Tabellen als eine Arbeitsmappe zum Lesen, Sortieren, Filtern und Drucken; ihr erstes Blatt ist \
        das Inhaltsverzeichnis",
    file_csv: "eine Datei je Tabelle, jeder Wert exakt, zum Laden in eine Datenbank",
    file_json: "eine Datei je Tabelle, für Programme",
    file_sums: "Prüfsummen aller anderen Dateien",
    open_xlsx: "Die Arbeitsmappe in Excel oder LibreOffice öffnen",
    xlsx_text: "Entpacken Sie das Archiv und öffnen Sie paliad-backup.xlsx mit einem Doppelklick. Text in der \
        Arbeitsmappe wird nie als Formel ausgeführt. Was eine Tabellenkalkulation nicht fassen kann, bleibt als Text \
        erhalten, wird gerundet oder gekürzt; jeder solche Fall steht am Ende unter den Warnungen.",
    xlsx_exact_elsewhere: "Die anderen Formate enthalten diese Werte vollständig.",
    open_json: "Die json-Dateien lesen",
    json_text: "Jede Datei ist ein Array in UTF-8, in dem jede Zeile der Tabelle auf einer eigenen Textzeile beginnt. \
        Zahlen behalten alle Stellen; manche Programme runden sie beim Lesen.",
    open_csv: "Die csv-Dateien lesen",
    csv_text: "Sie sind in UTF-8, mit Kommas zwischen den Feldern und den Spaltennamen in der ersten Zeile. Ein \
        leeres Feld ist NULL (kein Wert); ein Feld aus zwei Anführungszeichen ist der leere Text. Spalten, die die \
        Datenbank selbst berechnet (generated columns), fehlen.",
    csv_caution: "Vorsicht: Werte stehen darin, wie sie sind, auch Text, der mit = + - oder @ beginnt und den eine \
        Tabellenkalkulation als Formel ausführen kann. Sie verändert auch lange Zahlen und alles, was wie ein Datum \
        aussieht. Öffnen Sie csv-Dateien nicht mit einem Doppelklick.",
    csv_use_workbook: "Öffnen Sie stattdessen die Arbeitsmappe.",
    csv_import: "Importieren Sie jede Spalte als Text: in Excel mit Daten > Aus Text/CSV, ohne Datentypen zu \
        erkennen; in LibreOffice mit UTF-8, Komma und Spaltentyp Text.",
    load: "Eine csv-Datei in PostgreSQL laden",
    load_text: "Die Tabelle muss vorhanden sein, und Tabellen, auf die andere verweisen, werden zuerst geladen. \
        Entpacken Sie das Archiv, starten Sie psql in seinem Ordner und geben Sie jeden Befehl in einer Zeile ein, \
        zum Beispiel:",
    load_sequences: "Das Laden stellt Sequenzen nicht weiter. Ihr Stand steht in manifest.json unter \"sequences\"; \
        zum Beispiel:",
    left_out: "Was nicht im Archiv ist",
    left_out_text: "Exportiert werden nur Zeilen: keine Definitionen von Tabellen, Indexen, Sichten, Funktionen und \
        Triggern, keine Rollen und Rechte, keine materialisierten Sichten und keine Large Objects (pg_largeobject).",
    check: "Prüfen, ob alles unbeschädigt ist",
    check_unix: "Im entpackten Ordner, unter Linux (erste Zeile) oder macOS (zweite Zeile):",
    check_windows: "Unter Windows, Datei für Datei; das Ergebnis muss dem in SHA256SUMS gleichen:",
};

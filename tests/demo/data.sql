-- The rows: a pure function of `scale`. No clock, no random numbers, no random uuid.
--
-- Chance comes from rnd(row number, salt, n): hashint8extended is the hash that PostgreSQL distributes hash partitions
-- by, so it is the same on every machine and may not change between versions. Each random column has a salt of its own.

CREATE FUNCTION pg_temp.rnd(i bigint, salt bigint, n integer) RETURNS integer LANGUAGE sql IMMUTABLE
  AS 'SELECT ((hashint8extended($1, $2) & 9223372036854775807) % $3)::integer';
-- As rnd, but small values are likelier: few clients bring most of the work.
CREATE FUNCTION pg_temp.skewed(i bigint, salt bigint, n integer) RETURNS integer LANGUAGE sql IMMUTABLE
  AS 'SELECT least(pg_temp.rnd($1, $2, $3), pg_temp.rnd($1, $2 + 50, $3))';
CREATE FUNCTION pg_temp.pick(words text[], i bigint, salt bigint) RETURNS text LANGUAGE sql IMMUTABLE
  AS 'SELECT $1[1 + pg_temp.rnd($2, $3, cardinality($1))]';
CREATE FUNCTION pg_temp.uid(kind text, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
  AS 'SELECT md5($1 || '':'' || $2)::uuid';
-- Nobody works at the weekend: Saturday and Sunday become the Friday before.
CREATE FUNCTION pg_temp.weekday(d date) RETURNS date LANGUAGE sql IMMUTABLE
  AS 'SELECT $1 - greatest(extract(isodow FROM $1)::integer - 5, 0)';

SELECT 50 + 10 * :scale AS n_users, 6 + 2 * :scale AS n_teams, 400 * :scale AS n_parties, 350 * :scale AS n_mandates,
       500 * :scale AS n_families, 1200 * :scale AS n_applications, 1400 * :scale AS n_matters, 600 * :scale AS n_inventors,
       1500 * :scale AS n_actions, 3500 * :scale AS n_deadlines, 2500 * :scale AS n_documents, 2500 * :scale AS n_letters,
       1800 * :scale AS n_tasks, 9000 * :scale AS n_times, 900 * :scale AS n_expenses, 900 * :scale AS n_invoices
\gset

-- The day this practice is at: nothing has happened after it, deadlines and holidays lie beyond it.
\set today 2026-09-30

\set given_names '{Anna,Jürgen,Zoë,François,Karin,Søren,Łukasz,Ayşe,Björn,Céline,Dieter,Elif,Friederike,Günther,Hannelore,Ingrid,José,Käthe,Lars,Małgorzata,Nuño,Özlem,Paul,Renée,Sebastian,Thérèse,Uwe,Věra,Wolfgang,Yūki,Tomás,"Anne-Sophie","Hans-Jörg",Mei,Priya,Oliver}'
\set family_names '{Müller,Groß,Weiß,Schäfer,Köhler,Brandt,Özdemir,Dvořák,Nuñez,Lefèvre,Jørgensen,O''Neill,"von der Heyden",Strauß,Böttcher,Grün,Kowalczyk,Ångström,Fußenegger,Rößler,Tanaka,Çelik,Hübner,"de Groot",Smith,Whitfield,Schröder,Krämer,Yılmaz,Novák,Nguyễn,Königsberger,Süß,"Meyer-Landrut",Patel,Zhang}'
\set firms '{Kältetechnik Nordsee,Gießerei Rößner,Bosphorus Robotics,Alpenglühen Optik,Süßwaren Krüger,Hanse Windkraft,Ångström Sensors,Brauhaus & Söhne Anlagenbau,Müller Medizintechnik,Helios Photovoltaik,Zahnrad Öhringen,Quantenwerk,"Weiß, Schwarz & Partner Maschinen",BioNova Therapeutics,Rheinische Faserwerke,TransAlp Logistik,Nanoschicht,Elektro Übersee,Café Maschinen Wien,"\\"Spitze\\" Werkzeuge",Fjord Batteries,Lumière Laser,Stahl- und Röhrenbau Thyß,Deep Sea Acoustics}'
\set legal_forms '{GmbH,AG,GmbH & Co. KG,SE,KG,S.A.S.,Inc.,Ltd.,e.K.,"Sp. z o.o."}'
\set cities '{München,Köln,Düsseldorf,Nürnberg,Hamburg,Würzburg,Mannheim,Zürich,Wien,Lübeck,Görlitz,Saarbrücken,Gießen,Mülheim an der Ruhr,Łódź,Århus}'
\set streets '{Maximilianstraße,Königsallee,Bahnhofstraße,Am Gänsemarkt,Schloßgasse,"Straße des 17. Juni",Universitätsplatz,Hinter der Mühle,Ludwigstraße,Grüner Weg}'
\set inventions_de '{Verfahren zum Schweißen von,Vorrichtung zur Kühlung von,Anordnung zum Prüfen von,Sensor zur Überwachung von,Verfahren zur Herstellung von,Zusammensetzung zum Beschichten von,Rechnergestütztes Verfahren zum Steuern von,Werkzeug zum Entgraten von,Lageranordnung für,Verpackung für}'
\set inventions_en '{Method for welding,Device for cooling,Arrangement for testing,Sensor for monitoring,Process for producing,Composition for coating,Computer-implemented method of controlling,Tool for deburring,Bearing assembly for,Packaging for}'
\set things_de '{Batteriezellen,Gießformen,Brennstoffzellenstapeln,Getriebewellen,Impfstoffen auf mRNA-Basis,Halbleiterscheiben,Großwälzlagern,Kaffeemaschinen mit Brühgruppe,Hörgeräten,Rotorblättern,künstlichen Hüftgelenken,Lichtwellenleitern,Süßwaren mit Füllung,Wärmepumpen,Fahrradnaben,"Schüttgütern < 5 µm"}'
\set things_en '{battery cells,casting moulds,fuel cell stacks,gear shafts,mRNA vaccines,semiconductor wafers,large rolling bearings,coffee machines with a brewing unit,hearing aids,rotor blades,artificial hip joints,optical fibres,filled confectionery,heat pumps,bicycle hubs,"bulk solids < 5 µm"}'

\ir data_reference.sql
\ir data_people.sql
\ir data_patents.sql
\ir data_work.sql
\ir data_system.sql

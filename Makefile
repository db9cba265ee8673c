# `make help` lists the targets. PG_CONFIG chooses the PostgreSQL to build for and to install into.

PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
CARGO ?= cargo
INSTALL ?= install

extension := paliad_backup
version := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(extension).control)
library = $(or $(CARGO_TARGET_DIR),target)/release/lib$(extension).so
install_script := build/$(extension)--$(version).sql
sql_parts := $(sort $(wildcard sql/[0-9]*.sql))
upgrade_scripts := $(wildcard sql/$(extension)--*--*.sql)
pkglibdir = $(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)
extensiondir = $(DESTDIR)$(shell $(PG_CONFIG) --sharedir)/extension

# pgrx reads the server's headers through this variable; cargo-pgrx is not needed.
export PGRX_PG_CONFIG_PATH = $(PG_CONFIG)

.PHONY: needs-postgresql needs-cargo build install install-files uninstall deps demo demo-psql test test-long bench test-clean fmt lint doc clean help
.DEFAULT_GOAL := build

needs-postgresql:
	@case "$$($(PG_CONFIG) --version 2>/dev/null)" in 'PostgreSQL 15'*) ;; \
	*) echo "make: $(PG_CONFIG) is not that of PostgreSQL 15. Install postgresql-server-dev-15 ('make deps' does on Debian)," \
	        "or name another one: make PG_CONFIG=/path/to/pg_config" >&2; exit 1 ;; esac

needs-cargo:
	@command -v $(CARGO) >/dev/null || { echo "make: there is no $(CARGO). Rust is installed as https://rustup.rs says" >&2; exit 1; }

build: needs-postgresql needs-cargo $(install_script) ## Build the library and the install script (default)
	$(CARGO) build --release --locked

$(install_script): $(sql_parts) $(extension).control Makefile
	@mkdir -p $(@D)
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION $(extension)" to load this file. \quit'; cat /dev/null $(sql_parts); } > $@

install: build install-files ## Build, then install into the PostgreSQL of PG_CONFIG (DESTDIR is honoured)

# Apart from `install`, so that `sudo make install-files` copies and does not run the compiler as root.
install-files: needs-postgresql
	@test -f '$(library)' || { echo "make: there is no $(library): run make first" >&2; exit 1; }
	$(INSTALL) -d '$(pkglibdir)' '$(extensiondir)'
	$(INSTALL) -m 755 '$(library)' '$(pkglibdir)/$(extension).so'
	$(INSTALL) -m 644 $(extension).control $(install_script) $(upgrade_scripts) '$(extensiondir)/'

uninstall: needs-postgresql ## Remove what install put there
	rm -f '$(pkglibdir)/$(extension).so' '$(extensiondir)/$(extension).control' '$(extensiondir)/$(extension)--'*.sql

deps: ## Install the Debian packages that demo and test need; does nothing when they are there
	scripts/deps.sh test

demo: ## Make a real backup of a demo application, in a throwaway cluster (SCALE=1 is about 50,000 rows)
	@scripts/demo.sh

demo-psql: ## Open psql in the demo's database
	@scripts/cluster.sh start demo && { scripts/cluster.sh psql demo paliad; scripts/cluster.sh stop demo; }

test: ## Run all tests; SUITE="unit doc oracle regress client" and FILTER=name narrow it
	@SUITE='$(SUITE)' FILTER='$(FILTER)' scripts/test.sh

test-long: ## Run all tests with 1,000 generated cases of each kind and the slow limits; PALIAD_BACKUP_SEED=0x1f runs one
	@PALIAD_BACKUP_CASES=1000 PALIAD_BACKUP_TEST_LONG=1 SUITE='$(SUITE)' FILTER='$(FILTER)' scripts/test.sh

bench: ## Compare with pg_dump, COPY and pg_restore (ROWS=1000000 LARGE=10000000 SCALE=20 TABLES=1000 ROUNDS=5 LINES=table,demo,…)
	@scripts/bench.sh

test-clean: ## As root: demo and test, twice each, in a bare Debian 12 with nothing but Rust and make
	@scripts/test-clean.sh

fmt: ## Format the Rust code
	$(CARGO) fmt

lint: needs-postgresql needs-cargo ## Check format and lints, with the server's room and without
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings

doc: needs-postgresql needs-cargo ## Build the code's documentation; a broken link is an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

clean: ## Stop and remove throwaway clusters, remove everything that was built
	scripts/cluster.sh clean
	$(CARGO) clean
	rm -rf --one-file-system build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  demo, test and bench install the extension into the PostgreSQL of PG_CONFIG (with sudo when not root):'
	@echo '  PostgreSQL 15 loads extensions from nowhere else. Their data stays in build/ or, where the server'
	@echo "  cannot reach that, in a directory of /tmp that build/clusters points to. 'make uninstall' undoes it."

# Everything that a person or a build machine does here. `make help` lists it.
#
# Tests and `make build` share the release profile, so that RocksDB (the dearest C++ build of the tree) compiles once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BINARY := target/release/kangmai
export PATH := $(HOME)/.cargo/bin:$(PATH)
# Objects of C and C++ come from ccache where it is installed.
ifneq ($(shell command -v ccache 2>/dev/null),)
export CC ?= ccache cc
export CXX ?= ccache c++
ifeq ($(origin CC),default)
export CC := ccache cc
endif
ifeq ($(origin CXX),default)
export CXX := ccache c++
endif
endif

.PHONY: help demo build test fmt lint bench memory fuzz setup web web-test unit e2e city clients kill search mllp grounds road

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/:/' | column -t -s:

setup: ## install what is missing on a Debian or Ubuntu machine that has Rust and Node
	@scripts/setup.sh

demo: build ## a synthetic city through every door, in a fresh folder
	$(BINARY) demo

build: setup web ## target/release/kangmai, with the portal inside
	cargo build --release --package kangmai

web: setup ## the portal, into web/dist
	cd web && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund; }
	cd web && npm run --silent build

web-test: web
	cd web && npm test --silent

test: lint unit web-test build e2e city clients search mllp road grounds kill ## everything that must hold

fmt: ## lay out the code
	cargo fmt --all

lint: web ## layout, lints, repository rules
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

unit: web ## tests of every crate, and the scenarios against the real binary
	cargo test --release --workspace

e2e: build ## the portal in a real browser
	cd tests/e2e && { test -d node_modules || npm ci --no-audit --no-fund; }
	cd tests/e2e && npm test --silent

city: e2e ## the same in a synthetic city, two journeys per role
	cd tests/e2e && node run.mjs --city

clients: build ## published FHIR clients, unchanged
	tests/with_server.py --binary $(BINARY) -- tests/clients/run.sh '{base}' '{token}'

search: build ## search answers against a naive scan, short form
	tests/with_server.py --binary $(BINARY) --search-parameters tests/search/parameters -- tests/search/oracle.py --custom --url '{base}' --token '{token}' --restricted-token '{restricted}' --bundles samples/synthea --bundle-limit 3

mllp: build ## HL7 v2 over MLLP, by a sender that shares nothing with the product
	python3 tests/mllp/mllp.py --binary $(BINARY)

road: build ## the road in as an institution sees it: folder, receipts, problem data, release, chains
	python3 tests/road/road.py --binary $(BINARY)

grounds: build ## who may look at whom, and why: grounds that arise from messages; every role on every route
	python3 tests/grounds/grounds.py --binary $(BINARY)

kill: build ## kill -9 at random moments and failing disks, short form; and a skipped fsync must be noticed
	tests/kill/kill9.py --binary $(BINARY) --rounds 3 --seed 1
	tests/kill/kill9.py --binary $(BINARY) --rounds 3 --seed 1 --power-cut
	! tests/kill/kill9.py --binary $(BINARY) --rounds 3 --seed 1 --power-cut --skip-fsync > target/skipped-fsync.txt
	grep -q 'lost: created' target/skipped-fsync.txt
	tests/kill/faults.py --binary $(BINARY) --every 7
	tests/kill/ingest.py --binary $(BINARY) --messages 5000 --kills 3 --seed 3

fuzz: ## broken bytes for every reader, one minute each; needs cargo-fuzz
	fuzz/run.sh 60

memory: build ## the largest allowed transactions, several at once: memory stays below its limit
	bench/memory/largest_bundle.py --binary $(BINARY) --clients 4 --rounds 2 --at-most 300

bench: build ## the figures of bench/README.md
	bench/run.sh all

# The commands of the README; `make help` lists them.
SHELL := /bin/bash
BIN := bin/noetl-catalog
# Without cgo, sqlc runs PostgreSQL's parser as WebAssembly, so no C compiler is needed.
SQLC := CGO_ENABLED=0 go run github.com/sqlc-dev/sqlc/cmd/sqlc
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help

.PHONY: help
help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/noetl-catalog, with the page if Node is installed.
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory graphiql || echo "building without the page; / says how to build it"; fi
	go build -ldflags "-X main.commit=$$(git rev-parse --short=12 HEAD 2>/dev/null)" -o $(BIN) .

.PHONY: graphiql
graphiql: graph/graphiql/bundle/index.html.br ## Build the page at /, which build embeds.

graph/graphiql/bundle/index.html.br: graph/graphiql/package-lock.json graph/graphiql/index.html graph/graphiql/vite.config.js $(wildcard graph/graphiql/src/* examples/queries/*.graphql)
	cd graph/graphiql && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build -- --logLevel warn
	touch $@

.PHONY: run
run: build ## Build, start PostgreSQL, serve, and load the examples.
	./$(BIN) serve --register examples --record examples/events.jsonl

# These tests fill a database, or measure memory, which the race detector multiplies.
LONG_TESTS := TestPlans_FilledDatabase|ThousandOfTheWorst

.PHONY: test
test: ## Run the tests, with the race detector.
	go vet ./...
	go test -race -skip '$(LONG_TESTS)' ./...

.PHONY: test-long
test-long: ## Run the tests that take too long for `make test`.
	go test -run '$(LONG_TESTS)' ./...

.PHONY: e2e
e2e: build e2e/node_modules/.package-lock.json ## Test a running server with a real browser and client libraries.
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -y -q --no-install-recommends chromium)
	cd e2e && npm run check && npm run schema && npm test

.PHONY: release-schema
release-schema: ## Make the current schema the one that later changes must not break.
	cp graph/schema.graphql e2e/schema/released.graphql

e2e/node_modules/.package-lock.json: e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund
	touch $@

.PHONY: torture
torture: ## Try to make the event log lose, repeat or reorder events: the long form.
	go test ./torture -count=1 -v -torture.full -timeout 30m

.PHONY: soak
soak: ## Run the program for half an hour under load and faults, and check the results.
	go run ./soak $(SOAK_FLAGS)

.PHONY: soak-short
soak-short: ## The same for two minutes, with a fault every 5 s.
	go run ./soak -for 2m -every 5s $(SOAK_FLAGS)

.PHONY: bench
bench: ## Measure; prints figures, asserts nothing. The first run fills a database.
	go run ./bench

.PHONY: bench-peer
bench-peer: bench/postgraphile/node_modules/.package-lock.json ## Compare requests with PostGraphile and, with BESIDE=binary, with another build.
	go run ./bench -peer $(if $(BESIDE),-beside $(BESIDE)) requests

bench/postgraphile/node_modules/.package-lock.json: bench/postgraphile/package-lock.json
	cd bench/postgraphile && npm ci --no-audit --no-fund
	touch $@

.PHONY: bench-go
bench-go: ## Run the Go benchmarks of the hot paths.
	go test ./... -run '^$$' -bench . -benchmem

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (10s).
	@for target in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs grep -Ho '^func Fuzz[A-Za-z]*' | sed 's/func //'); do \
		package=$$(dirname $${target%%:*}); name=$${target##*:}; \
		echo "$$package $$name"; go test $$package -run '^$$' -fuzz "^$$name\$$" -fuzztime $${FUZZTIME:-10s} || exit 1; \
	done

.PHONY: generate
generate: ## Generate the Go code of sqlc/ and graph/, and both schemas as files.
	go run ./sqlc/expand
	$(SQLC) generate
	go run ./graph/plan/generate
	go test ./db -run TestCatalogSchema -update
	go test ./graph -run TestSchema_File -update

.PHONY: check-generated
check-generated: generate ## Fail if the generated code differs from what is committed.
	@changes=$$(git status --porcelain -- sqlc graph db); if [ -n "$$changes" ]; then \
		echo "generated code differs from what is committed:"; echo "$$changes"; git diff -- sqlc graph db | head -100; exit 1; fi

.PHONY: lines
lines: ## Count the lines of Go by folder, without tests and generated code.
	@git ls-files -co --exclude-standard -- '*.go' '*.gotpl' | grep -v '_test\.go$$' | xargs awk ' \
		FNR == 1 { generated = /^\/\/ Code generated/; folder = FILENAME; if (!sub("/[^/]*$$", "", folder)) folder = "." } \
		{ if (generated) made++; else { written++; lines[folder]++ } } \
		END { for (folder in lines) printf "%6d  %s\n", lines[folder], folder | "sort -k 2"; close("sort -k 2"); \
			printf "%6d  written by hand, and %d generated\n", written, made }'

.PHONY: lint
lint: ## Check SQL and Go style.
	$(SQLC) vet
	$(GOLANGCI_LINT) run

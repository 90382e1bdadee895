# Every recipe is what a person could type. `make` alone lists the targets.

FUZZTIME ?= 5s
LINT := go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build run test check lint around fuzz bench bench-go bench-log chaos day update docs fmt up postgresql brokers

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

build: ## Build bin/holdfast and bin/holdfast-devserver (the first time takes minutes: that is Temporal)
	go build -o bin/holdfast ./cmd/holdfast
	@test -x bin/holdfast-devserver || echo 'Compiling the Temporal server for development: minutes the first time, seconds from then on.'
	go build -C devserver -o ../bin/holdfast-devserver .

run: build ## Run everything on this machine: Temporal with its UI, ingress, worker; Ctrl-C ends it
	bin/holdfast dev

test: check lint fuzz around ## Test everything, on a real Temporal, PostgreSQL, NATS and RabbitMQ; also lint and fuzz

check: postgresql brokers build ## Test Holdfast itself with the race detector, and that workflows can be replayed
	go test -race ./...
	$(LINT) workflowcheck -config tools/workflowcheck.yaml ./...

lint: ## Run golangci-lint
	$(LINT) golangci-lint run ./...

# Without the race detector: it would be Temporal that is examined, and compiled once more.
around: build ## Test and lint what is around Holdfast: the deployment, the dev server, the tools
	go test -C tools ./...
	go test -C devserver ./...
	cd devserver && go tool -modfile=../tools/go.mod golangci-lint run ./...
	cd tools && go tool golangci-lint run ./...

fuzz: ## Fuzz each target for a while: make fuzz FUZZTIME=5m
	tools/fuzz.sh $(FUZZTIME)

bench: postgresql build ## Measure everything as docs/performance.md shows it, and write that: make bench BENCH=-quick to see that it works
	go run ./bench $(BENCH)

bench-go: ## Run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

ROWS ?= 10000000
OWED ?= 0

bench-log: postgresql ## Measure what is asked of a large event log: make bench-log ROWS=100000000 OWED=1000000
	go test ./internal/state -run '^$$' -bench Log -benchtime 300x -timeout 0 -rows $(ROWS) -owed $(OWED) -payload 40

# Network namespaces and full disks are made by root only.
chaos: postgresql build ## Break everything, as root, for about 15 minutes, and write docs/chaos.md
	go test ./chaos -run TestChaos -v -timeout 40m -full -webhooks 600 -report $(CURDIR)/docs/chaos.md

day: build ## Live a day with ten destinations, of which eight fail, and watch it: make day DAY=-stay leaves everything running
	go test ./day -v -count 1 -timeout 0 -within 1s $(DAY)

update: ## Rewrite the expected results of tests; the diff is for you to read
	go test $$(grep -rl --include='*_test.go' --exclude-dir=devserver --exclude-dir=tools --exclude-dir=reference 'flag.Bool("update"' . | xargs -n 1 dirname | sort -u) -update
	go test ./internal/reference -update

docs: ## Write docs/events.md and docs/schemas anew, from the catalog, its comments and the stories
	go test ./internal/reference -update

fmt: ## Format the code
	$(LINT) golangci-lint fmt ./...
	cd devserver && go tool -modfile=../tools/go.mod golangci-lint fmt ./...
	cd tools && go tool golangci-lint fmt ./...

up: ## Run the services of docker-compose.yml, with secrets from .env
	docker compose up --build

postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		{ echo "The tests need PostgreSQL's programs, which they start themselves: apt-get install postgresql" >&2; exit 1; }

brokers:
	@command -v nats-server >/dev/null && test -x /usr/lib/rabbitmq/bin/rabbitmq-server || \
		{ echo "The tests need NATS and RabbitMQ, which they start themselves: apt-get install nats-server rabbitmq-server" >&2; exit 1; }

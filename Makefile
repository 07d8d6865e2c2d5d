# The chores of this project. Each is one command; `make` lists them.

.PHONY: help test race ci lint listings messages vulns fuzz fuzz-rates corpus soak bench measure sizes ratios schemas release-check

help: ## list the chores
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

test: ## run the tests
	go test ./...

race: ## run the tests with the race detector
	go test -race -timeout 30m ./...

ci: ## run what CI runs, and install what that needs (Debian)
	bash .ci/run

lint: ## check formatting, vet and golangci-lint, which must be installed
	go vet ./...
	golangci-lint run ./...

VULNDB ?= https://vuln.go.dev

vulns: ## look for advisories that concern the code (VULNDB=file://… of .ci/vulndb for a copy)
	@found=0; for mod in $$(git ls-files go.mod '*/go.mod'); do dir=$$(dirname "$$mod"); echo "$$dir"; \
	(cd "$$dir" && go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db $(VULNDB) ./...) || found=1; done; exit $$found

listings: ## write the lists of the API and of the dependencies anew
	go test ./internal/rooms -run Listing -update

messages: ## write the files of the messages that people see anew
	go test ./workday -run TestWhatWorkdayAnswersIsShown -update
	go test ./steps/requestprocessor -run TestMessagesAreThoseOfTheGoldenFile -update
	go test ./internal/messages -update

schemas: ## write the JSON Schemas of the settings anew
	go test ./examples/exportrun -run TheSchemasAreThose -update

SECONDS_EACH ?= 600
FUZZ_EACH ?= 5m

soak: ## compare with the originals on new seeds, for SECONDS_EACH each, and fuzz for FUZZ_EACH each
	JINJA_DIFF_SECONDS=$(SECONDS_EACH) go test -v -timeout 24h -run TestGeneratedTemplates ./internal/jinja
	TXSCRIPT_DIFF_SECONDS=$(SECONDS_EACH) go test -v -timeout 24h -run 'TestGeneratedPrograms|TestGeneratedValues' ./internal/txscript
	RE_DIFF_SECONDS=$(SECONDS_EACH) go test -v -timeout 24h -run TestGeneratedPatterns ./internal/python/re
	XPATH_DIFF_SECONDS=$(SECONDS_EACH) go test -v -timeout 24h -run TestGeneratedExpressions ./internal/xpath
	WORKDAY_DIFF_SECONDS=$(SECONDS_EACH) go test -v -timeout 24h -run TestGeneratedMappings ./workday
	EXPORTPIPELINE_SOAK=1 go test -v -count=1 -timeout 24h -run 'Crashes|AtOnceHold|InARow' ./pipeline/hookserver
	EXPORTPIPELINE_SOAK=1 go test -count=1 -timeout 24h ./internal/components
	EXPORTPIPELINE_SOAK=1 go test -v -count=1 -timeout 24h -run 'WhateverItIsGiven' ./internal/txscript ./internal/jinja
	EXPORTPIPELINE_SOAK=1 go test -v -count=1 -timeout 24h -run 'AKillBeforeEveryMessage|ACutBeforeEveryMessage' ./sftpexport
	cd examples/replicas && go run . -exports 2000 -kills 200
	cd examples/replicas && go run . -exports 2000 -kills 200 -temporal
	SIM_SECONDS=$(SECONDS_EACH) go test -v -count=1 -timeout 24h ./pipeline/internal/crashtest
	bash .ci/fuzz $(FUZZ_EACH)

fuzz: ## run every fuzz target for FUZZ_EACH, from what earlier runs have found
	bash .ci/fuzz $(FUZZ_EACH)

fuzz-rates: ## print how often each target runs in a second of processor time (WHICH=charset for a part)
	bash .ci/fuzz rates $(WHICH)

corpus: ## keep in .ci/corpus.tgz what the fuzz targets have found
	bash .ci/fuzz keep

ROWS ?= 1

measure: ## measure what large and hostile input costs (ROWS=S3 for a part, ROWS=attack for attacks)
	EXPORTPIPELINE_MEASURE='$(ROWS)' go test -count=1 -timeout 1h -v -run '^TestMeasure$$' ./internal/measure

sizes: ## print what a program gets with each package: lines of go.sum, modules, size
	EXPORTPIPELINE_SIZES=1 go test -count=1 -timeout 20m -v -run '^TestSizes$$' ./internal/rooms

ratios: ## compare the ratios of the benchmarks with those landed last (on a quiet machine)
	EXPORTPIPELINE_RATIOS=1 go test -count=1 -timeout 30m -v -run '^TestRatios$$' ./internal/measure

bench: ## run every benchmark once
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./...

release-check: ## say what keeps VERSION (of MODULE, if it is nested) from being released
	bash .ci/release-check "$(VERSION)" $(MODULE)

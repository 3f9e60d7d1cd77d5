# Everything a fresh Linux or macOS machine with Go and git needs:
#   make demo   certify the bundled agent and show its report
#   make test   every check there is

GO      ?= go
GOFMT    = $(shell $(GO) env GOROOT)/bin/gofmt
BIN     := $(CURDIR)/bin
OUT     := $(CURDIR)/out
OTHERS  := $(filter-out $(shell $(GO) env GOHOSTOS),linux darwin windows)
EXAMPLE := examples/python-agent
# The native desktop of macOS and Windows also builds on Linux, with this header.
XTEST   := $(if $(filter Linux,$(shell uname -s)),/usr/include/X11/extensions/XTest.h)

# A checkout that git does not trust, or no checkout at all, builds without the
# revision in its programs' versions rather than not at all.
ifneq ($(shell git rev-parse --is-inside-work-tree 2>/dev/null),true)
export GOFLAGS := $(GOFLAGS) -buildvcs=false
endif

RACE    := CGO_ENABLED=1 $(GO) test -race

# On Linux nothing but the race detector and the native desktop needs cgo, and
# without it everything else is compiled once, by tests too. On macOS the desktop
# needs it.
ifeq ($(shell uname -s),Linux)
export CGO_ENABLED := 0
RACE += -exec 'env CGO_ENABLED=0'
endif

.DEFAULT_GOAL := help
.NOTPARALLEL: # certifications measure time
.PHONY: help demo build test needs lint gofmt vet staticcheck cross proto proto-drift race selftest checks whole noise busy mixtures hostile strength conformance example golden native fuzz bench picture clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/conformance and bin/fakeagent
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -o $(BIN)/ ./cmd/...

demo: ## certify the bundled agent, report included
	@sh scripts/needs.sh git +Xvfb
	@$(MAKE) --no-print-directory build
	$(BIN)/conformance run --out $(OUT)/demo

# Building for the systems that this one is not takes what the tests leave of the
# processor: they wait a lot.
test: needs lint ## all tests with the race detector, vet, gofmt, staticcheck, proto drift
	@log=$$(mktemp); nice -n 19 $(MAKE) --no-print-directory cross >$$log 2>&1 & \
	$(MAKE) --no-print-directory race; tests=$$?; \
	wait $$!; cross=$$?; cat $$log; rm $$log; exit $$((tests + cross))
	@$(MAKE) --no-print-directory checks demo hostile conformance example native
	@echo "all checks passed"

needs:
	@sh scripts/needs.sh cc git vi venv +tmux +Xvfb +chromium $(XTEST)

lint: gofmt vet staticcheck proto-drift

gofmt:
	@files=$$($(GOFMT) -l .) || exit 1; \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

vet:
	$(GO) vet ./...

# Nothing of this is run, so nothing is optimized.
cross:
	@for os in $(OTHERS); do \
		echo "go build and go vet ($$os)"; \
		GOOS=$$os CGO_ENABLED=0 $(GO) build -gcflags='all=-N -l' ./... && \
		GOOS=$$os CGO_ENABLED=0 $(GO) vet -gcflags='all=-N -l' ./... || exit 1; \
	done

staticcheck: $(BIN)/staticcheck
	$(BIN)/staticcheck ./...

# The suite certifies the bundled agent inside its test's process. It runs alone,
# since some of its cases measure time.
race:
	$(RACE) -timeout 20m $$($(GO) list ./... | grep -v '/suite$$')
	$(RACE) -timeout 10m ./suite

# And this through nothing but the environment contract, as anybody's agent.
conformance: build
	$(BIN)/conformance run --out $(OUT)/conformance -- $(GO) run ./cmd/fakeagent run

# An agent that shares nothing with this project but the wire: in Python, without
# terminals and desktops. Serial and with all its faults it has a golden report,
# which is made with: go test ./internal/foreign -try -update
example: build $(EXAMPLE)/.venv/ready ## certify the example agent in Python
	$(BIN)/conformance run --profile core --out $(OUT)/example -- $(EXAMPLE)/run

golden: build $(EXAMPLE)/.venv/ready ## certify the example agent twice, serial and with every fault
	$(GO) test -count=1 -timeout 20m ./internal/foreign -try

$(EXAMPLE)/.venv/ready: $(EXAMPLE)/setup $(EXAMPLE)/requirements.txt $(wildcard proto/opengeni/agent/v1/*.proto)
	@sh scripts/needs.sh git venv
	@echo "installing the packages of the agent in Python into $(EXAMPLE)/.venv"
	@$(EXAMPLE)/setup && touch $@

selftest: build ## show that the suite can fail: every mutant of the agent must be noticed
	$(BIN)/conformance selftest --out $(OUT)/selftest.json
	$(BIN)/conformance selftest --noise 4 --seed 1

checks: selftest ## show that no check of the suite is idle: removed, a mutant would live (REMOVE=-1: of all)
	$(GO) run ./internal/checks -selftest $(OUT)/selftest.json -remove $(or $(REMOVE),20) -seed $(or $(SEED),1)

# Each is much more than make test tries; the first takes hours for all areas.
whole: build ## every case beside every mutant (AREA=fs: of one area)
	@sh scripts/needs.sh git +Xvfb
	$(BIN)/conformance selftest --whole --mutant '$(or $(AREA),*).**' --out $(OUT)/whole.json

mixtures: build ## agents with several faults each (MIXTURES=100 SEED=7)
	@sh scripts/needs.sh git +Xvfb
	$(BIN)/conformance selftest --mixtures $(or $(MIXTURES),100) $(if $(SEED),--seed $(SEED)) --out $(OUT)/mixtures.json

noise: build ## agents with random noise on their wire (NOISE=40)
	$(BIN)/conformance selftest --noise $(or $(NOISE),40)

busy: build ## certify the bundled agent beside four busy loops (BUSY=20)
	@sh scripts/needs.sh git +Xvfb
	@sh scripts/busy.sh $(or $(BUSY),20) $(OUT)/busy

hostile: build ## certify the bundled agent for a user whose settings spoil what listens to them
	@sh scripts/needs.sh git +Xvfb
	@sh scripts/hostile.sh $(OUT)/hostile

strength: selftest ## record what the self-test shows, for reports
	$(GO) run ./internal/checks -selftest $(OUT)/selftest.json -record

# The desktop code of macOS and Windows is run where it can be: on Linux, whose
# Xlib does not get over the death of its server.
native: build
ifneq ($(XTEST),)
	CGO_ENABLED=1 $(GO) vet -tags robotgo ./agent/desktop/... ./cmd/fakeagent
	CGO_ENABLED=1 $(GO) test -tags robotgo ./agent/desktop ./agent/desktop/internal/native
	CGO_ENABLED=1 $(GO) build -tags robotgo -o $(BIN)/native/ ./cmd/fakeagent
	$(BIN)/conformance run --out $(OUT)/native --case 'desktop.**' --case 'stream.desktop-**' --skip '**/display-that-dies-and-returns' \
		-- $(BIN)/native/fakeagent run
endif

proto: $(BIN)/protoc $(BIN)/protoc-gen-go ## generate the Go code of proto/ again
	$(BIN)/protoc proto $(BIN)/protoc-gen-go

proto-drift: $(BIN)/protoc $(BIN)/protoc-gen-go
	@rm -rf $(BIN)/_drift && cp -R proto $(BIN)/_drift && $(BIN)/protoc $(BIN)/_drift $(BIN)/protoc-gen-go
	@diff -r proto $(BIN)/_drift || { echo "proto/ is not what its .proto files generate: run make proto and commit"; exit 1; }

# The tools are pinned in tools/go.mod and built from the module proxy.
$(BIN)/protoc: tools/go.mod tools/protoc/main.go
	@echo "building protoc into bin/"
	@cd tools && $(GO) build -o $@ ./protoc
$(BIN)/protoc-gen-go: tools/go.mod
	@echo "building protoc-gen-go into bin/"
	@cd tools && $(GO) build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/staticcheck: tools/go.mod
	@echo "building staticcheck into bin/"
	@cd tools && $(GO) build -o $@ honnef.co/go/tools/cmd/staticcheck

fuzz: ## run every fuzz target for a while (FUZZ=50000x)
	@sh scripts/fuzz.sh $(or $(FUZZ),50000x)

bench: ## each figure beside its physical floor, as a ratio
	$(GO) run ./internal/bench

picture: build ## draw a run for the README again
	$(GO) run ./internal/picture -columns 80 -out docs/images/run.svg $(BIN)/conformance run

clean: ## remove what was built
	rm -rf $(BIN) $(OUT) $(EXAMPLE)/.venv $(EXAMPLE)/opengeni

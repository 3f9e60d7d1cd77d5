# Everything a fresh Linux or macOS machine with Go and git needs:
#   make demo   certify the bundled agent and show its report
#   make test   every check there is

GO      ?= go
BIN     := $(CURDIR)/bin
OUT     := $(CURDIR)/out
SYSTEMS := linux darwin windows

.DEFAULT_GOAL := help
.PHONY: help demo build test lint gofmt vet staticcheck cross proto proto-drift race conformance fuzz bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/conformance and bin/fakeagent
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -o $(BIN)/ ./cmd/...

demo: build ## certify the bundled agent, report included
	@$(BIN)/conformance run --out $(OUT)/demo

test: needs lint race conformance ## all tests with the race detector, vet, gofmt, staticcheck, proto drift
	@echo "all checks passed"

.PHONY: needs
needs:
	@sh scripts/needs.sh cc git vi

lint: gofmt vet staticcheck cross proto-drift

gofmt:
	@files=$$(git ls-files '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

vet:
	@for os in $(SYSTEMS); do echo "go vet ($$os)"; GOOS=$$os CGO_ENABLED=0 $(GO) vet ./... || exit 1; done

cross:
	@for os in $(SYSTEMS); do echo "go build ($$os)"; GOOS=$$os CGO_ENABLED=0 $(GO) build ./... || exit 1; done

staticcheck: $(BIN)/staticcheck
	$(BIN)/staticcheck ./...

race:
	$(GO) test -race -timeout 20m ./...

# The bundled agent once more, through nothing but the environment contract.
conformance: build
	$(BIN)/conformance run --out $(OUT)/conformance -- $(GO) run ./cmd/fakeagent run

proto: $(BIN)/protoc $(BIN)/protoc-gen-go ## generate the Go code of proto/ again
	$(BIN)/protoc proto $(BIN)/protoc-gen-go

proto-drift: proto
	@git diff --exit-code -- proto || { echo "proto/ is not what its .proto files generate: run make proto and commit"; exit 1; }

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

clean: ## remove what was built
	rm -rf $(BIN) $(OUT)

# Targets with a ## comment are for users; `make help` lists them.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROOT := $(CURDIR)
BIN  := $(ROOT)/bin

# The modules of the project, joined by go.work. Each must also build alone. Each tool in tools/ and
# e2e/devcluster/tools is a separate module.
MODULES := . apis e2e e2e/devcluster
MODULE_PATTERNS := ./... $(patsubst %,./%/...,$(filter-out .,$(MODULES)))

# The linker gets the version, because -buildvcs fails when root builds the checkout of another user. The other flags
# equal those of the dev cluster's builds, so that common packages are compiled once.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false -trimpath)
export CGO_ENABLED ?= 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
IMAGE_REPOSITORY ?= ghcr.io/novasphere/wukong-manager
IMAGE_ARCHIVE    := dist/wukong-manager.tar

# The end-to-end suite of `make e2e`, a folder of e2e/suites, and additional flags of go test, such as
# E2E_FLAGS='-run TestDelete'.
SUITE     ?= core
E2E_FLAGS ?=
E2E_DEPTH ?= whole
E2E_TIMEOUT ?= 45m
# How many tests of a suite run in parallel; 0 means the default of the suite.
E2E_PARALLEL ?= 0

# The dev cluster. DEVCLUSTER_FLAGS are flags of `devcluster up`, for instance --nodes=2.
KUBECONFIG_FILE  := $(ROOT)/.devcluster/kubeconfig
DEVCLUSTER_FLAGS ?=
NAMESPACE ?= wukong-system
FIRST_VM  ?= config/samples/devcluster/debian-vm.yaml

# kube-apiserver, kube-controller-manager and etcd for the control-plane tests.
CONTROL_PLANE := $(BIN)/control-plane

# Kinds that have no controller yet. The chart does not contain their CRDs.
DRAFTED :=

# Written by hand. The base and the chart install them with the definitions.
ADMISSION_POLICIES := wukongdisk-deletion-protection.yaml wukongnetwork-host-access.yaml wukongvm-pod-metadata.yaml

# One role per subsystem, with the name of its folder. The markers in the folder declare its rights.
ROLES := $(wildcard controllers/wukong*) controllers/internal/dependency

# The files in which tools/kinds writes a list of kinds.
KIND_LISTS := config/crd/kustomization.yaml config/rbac/kustomization.yml config/default/subsystem_bindings.yaml config/default/user_roles.yaml \
	charts/wukong/templates/user-roles.yaml charts/wukong/templates/subsystem-roles.yaml charts/wukong/values.schema.json config/argocd/argocd-cm.yaml

# What `make generate` writes.
GENERATED := $(KIND_LISTS) apis/v1alpha1/zz_generated.deepcopy.go controllers/internal/bounds/zz_generated.bounds.go config/crd/bases config/rbac charts/wukong-crds/templates charts/wukong/files/rbac docs/reference/api.md

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-24s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it (root on Linux)

.PHONY: up
up: deploy ## Start a dev cluster, install Wukong, start a Debian guest from one WukongVM, and show its console and IP
	@cd e2e && KUBECONFIG=$(KUBECONFIG_FILE) go run ./cmd/firstvm --manifest $(ROOT)/$(FIRST_VM)

.PHONY: down
down: devcluster ## Remove the dev cluster and restore the host
	@$(BIN)/devcluster down

.PHONY: cluster
cluster: devcluster ## Start the components of the dev cluster that do not run
	@$(BIN)/devcluster up $(DEVCLUSTER_FLAGS)

# Builds the image and installs Wukong while the parts of the cluster become ready: Wukong needs none of them to start.
.PHONY: deploy
deploy: devcluster helm ## Build Wukong and install its charts on the dev cluster
	@$(BIN)/devcluster up $(DEVCLUSTER_FLAGS) --meanwhile '$(MAKE) -o devcluster image install'

# Has no prerequisites, so that the tests can build them while the cluster starts. The tag is the digest of the program,
# so the Deployment rolls only if the program changed. The dev cluster has one user, whose namespaces may use all
# networks.
.PHONY: install
install:
	@$(BIN)/devcluster load-image $(IMAGE_ARCHIVE)
	@export KUBECONFIG=$(KUBECONFIG_FILE); \
		$(BIN)/helm upgrade --install wukong-crds charts/wukong-crds --namespace $(NAMESPACE) --create-namespace --wait >/dev/null; \
		$(BIN)/helm upgrade --install wukong charts/wukong --namespace $(NAMESPACE) \
			--set image.registry= --set image.repository=$(IMAGE_REPOSITORY) --set image.tag=$$(cat dist/image-tag) --set networkPolicyEnforcement=Enforced \
			--set-json 'hostNetworks.permitted=[{"name":"all","namespaces":["*"],"everything":true}]' --wait --timeout 5m

##@ Test

# In continuous integration, 'make lint' has already run go vet.
VET := $(if $(filter true,$(CI)),-vet=off)

# Runs the tests and reports: e2e/cmd/testrun.
TESTRUN := $(BIN)/testrun

.PHONY: testrun
testrun:
	@go build -o $(TESTRUN) ./e2e/cmd/testrun

.PHONY: test
test: testrun ## Run the unit tests, the control-plane tests and the essential end-to-end tests
	@$(TESTRUN) run --depth=essential

.PHONY: test-all
test-all: testrun ## Run all tests, and write the commit to .ci/tested if they pass on a clean work tree
	@$(TESTRUN) run --depth=whole --record=.ci/tested

.PHONY: test-changed
test-changed: testrun ## Run make test, and all tests of each suite that tests something changed since .ci/tested
	@$(TESTRUN) run --depth=essential --changed-since=.ci/tested

# TEST_FLAGS are additional flags of go test, such as -v or -json.
TEST_FLAGS ?=

.PHONY: test-unit
test-unit: ## Run the unit tests
	go test $(VET) $(TEST_FLAGS) ./... ./apis/... ./e2e/...

.PHONY: test-devcluster
test-devcluster: ## Run the unit tests of the dev cluster, which take long to compile
	go test $(VET) $(TEST_FLAGS) ./e2e/devcluster/...

.PHONY: test-controlplane
test-controlplane: control-plane ## Run the control-plane tests, on a real kube-apiserver and etcd
	@# The longest first: they start in this order, three in parallel, because they mostly wait.
	KUBEBUILDER_ASSETS=$(CONTROL_PLANE) go test $(VET) $(TEST_FLAGS) -tags controlplane -count=1 -timeout 30m -p 3 \
		./controllers/wukongvm ./controllers/wukongdisk ./controllers/... ./cmd/...

# Starts the cluster and installs Wukong if the suite needs them, and keeps both running.
.PHONY: e2e
e2e: testrun ## Run one end-to-end suite, on the dev cluster: make e2e SUITE=core
	@$(TESTRUN) run --layers=e2e --suites=$(SUITE) --depth=$(E2E_DEPTH) --keep-cluster \
		--timeout=$(E2E_TIMEOUT) --parallel=$(E2E_PARALLEL) -- $(E2E_FLAGS)

# For flaky tests: TESTS is a regular expression, N the number of runs, BUSY the number of programs that each keep a
# processor busy.
TESTS ?=
N     ?= 10
BUSY  ?= 0
.PHONY: test-repeat
test-repeat: testrun devcluster ## Repeat tests on the running cluster: TESTS='A|B' SUITE=disks N=10 BUSY=2
	@$(TESTRUN) repeat --suite=$(SUITE) --tests='$(TESTS)' --count=$(N) --busy=$(BUSY)

# REPORT is the report of a finished run, such as dist/test-times.json. Without it the suites run.
REPORT ?=
.PHONY: test-budget
test-budget: testrun ## Fail when an end-to-end suite takes longer or boots more guests than its budget.json allows
ifeq ($(REPORT),)
	@$(TESTRUN) run --layers=e2e --depth=essential --budgets
else
	@$(TESTRUN) budget $(REPORT)
endif

# Runs WUKONG_SEEDS rounds, starting with the seed WUKONG_SEED. Not part of `make test`.
SOAK_TIMEOUT ?= 6h
.PHONY: soak
soak: DEVCLUSTER_FLAGS := --nodes=2
soak: deploy ## Check that bytes survive all operations on disks, WUKONG_SEEDS=20 rounds, and guests their moves, WUKONG_MOVES=10, while the manager is killed
	cd e2e && KUBECONFIG=$(KUBECONFIG_FILE) go test -tags e2e,soak -count=1 -v -timeout $(SOAK_TIMEOUT) -p 1 -run '^TestSoak$$' ./suites/disks ./suites/protection

.PHONY: bench
bench: control-plane build ## Measure the load of 500 WukongVMs on the API server and the manager
	KUBEBUILDER_ASSETS=$(CONTROL_PLANE) go run ./controllers/bench

.PHONY: control-plane
control-plane: devcluster ## Build the programs of a control plane, and link them in bin/control-plane
	@$(BIN)/devcluster build --assets-dir $(CONTROL_PLANE) kubernetes etcd >/dev/null

##@ Build

.PHONY: build
build: ## Build the manager as a static program: bin/manager
	CGO_ENABLED=0 go build -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN)/manager ./cmd/manager

.PHONY: image
image: build devcluster ## Build the manager's image as an OCI archive, without a container engine: dist/wukong-manager.tar
	@mkdir -p dist
	@sha256sum $(BIN)/manager | cut -c 1-12 > dist/image-tag
	@$(BIN)/devcluster image --binary $(BIN)/manager --ref $(IMAGE_REPOSITORY):$$(cat dist/image-tag) --out $(IMAGE_ARCHIVE)

.PHONY: devcluster
devcluster:
	@go build -ldflags '-X github.com/novasphere/wukong/e2e/devcluster/artifact.builtFrom=$(ROOT)' -o $(BIN)/devcluster ./e2e/devcluster

.PHONY: clean
clean: ## Remove bin and dist; the dev cluster and its cache stay
	rm -rf bin dist

##@ Maintain

.PHONY: generate
generate: generate-deepcopy generate-crds generate-rbac generate-docs generate-lists ## Write all generated files

.PHONY: generate-deepcopy
generate-deepcopy: $(BIN)/controller-gen
	@cd apis && $(BIN)/controller-gen object paths=./...

.PHONY: generate-crds
generate-crds: $(BIN)/controller-gen
	@mkdir -p charts/wukong-crds/templates
	@rm -f config/crd/bases/*.yaml charts/wukong-crds/templates/vm.novasphere.dev_*.yaml
	@cd apis && $(BIN)/controller-gen crd paths=./... output:crd:dir=$(ROOT)/config/crd/bases
	@for definition in config/crd/bases/*.yaml; do \
		plural=$$(basename $$definition .yaml); plural=$${plural#*_}; \
		case " $(DRAFTED) " in *" $$plural "*) continue;; esac; \
		./tools/chart-crd.sh < config/crd/bases/vm.novasphere.dev_$$plural.yaml > charts/wukong-crds/templates/vm.novasphere.dev_$$plural.yaml; \
	done
	@cp $(addprefix config/crd/,$(ADMISSION_POLICIES)) charts/wukong-crds/templates/
	@go run ./tools/bounds config/crd/bases controllers/internal/bounds/zz_generated.bounds.go

# The templates of the chart read the same files.
.PHONY: generate-rbac
generate-rbac: $(BIN)/controller-gen
	@mkdir -p config/rbac charts/wukong/files/rbac
	@rm -f config/rbac/*.yaml charts/wukong/files/rbac/*.yaml
	@for folder in $(ROLES); do \
		name=$${folder##*/}; \
		$(BIN)/controller-gen rbac:roleName=wukong-$$name,fileName=$$name.yaml paths=./$$folder/... output:rbac:dir=config/rbac; \
		cp config/rbac/$$name.yaml charts/wukong/files/rbac/$$name.yaml; \
	done

# After the definitions and the roles, which it lists.
.PHONY: generate-lists
generate-lists: generate-crds generate-rbac
	@go run ./tools/kinds .

.PHONY: generate-docs
generate-docs: $(BIN)/crd-ref-docs
	@mkdir -p docs/reference
	@$(BIN)/crd-ref-docs --source-path=apis --config=tools/crd-ref-docs/config.yaml --renderer=markdown \
		--output-path=docs/reference/api.md --log-level=ERROR

# Separate from generate, which does not need the generators of KubeVirt and CDI.
.PHONY: generate-upstream-crds
generate-upstream-crds: $(BIN)/controller-gen ## Write the definitions of KubeVirt, CDI, Multus and NMState for the control-plane tests, after a change of their versions
	@./tools/upstream-crds.sh

# Generating rewrites the sources of the modules, so it runs after them.
.PHONY: verify
verify: ## Check that generated files and modules are up to date, and that each module builds alone
	@$(MAKE) -j 3 --output-sync=target verify-modules $(BIN)/controller-gen $(BIN)/crd-ref-docs
	@$(MAKE) verify-generate

.PHONY: verify-generate
verify-generate:
	@./tools/verify-generate.sh $(GENERATED)

# One target for each module, so that make can run them in parallel.
MODULE_CHECKS := $(addprefix verify-module/,$(MODULES))

.PHONY: verify-modules $(MODULE_CHECKS)
verify-modules: $(MODULE_CHECKS)
$(MODULE_CHECKS): verify-module/%:
	@echo "verify module $*"
	@cd $* && GOWORK=off go mod tidy -diff && GOWORK=off go build ./...

# One run over all modules of go.work, so that common packages are loaded and checked once.
.PHONY: lint
lint: $(BIN)/golangci-lint ## Run the linters on all modules
	@$(BIN)/golangci-lint run --config .golangci.yml $(MODULE_PATTERNS)

##@ Tools, built once from the versions that tools/*/go.mod pin

TOOLS := $(addprefix $(BIN)/,controller-gen crd-ref-docs helm golangci-lint)

.PHONY: tools
tools: $(TOOLS)

$(BIN)/controller-gen: tools/controller-gen/go.sum
	@echo "build controller-gen"
	@cd tools/controller-gen && GOWORK=off go build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen && touch $@

$(BIN)/crd-ref-docs: tools/crd-ref-docs/go.sum
	@echo "build crd-ref-docs"
	@cd tools/crd-ref-docs && GOWORK=off go build -o $@ github.com/elastic/crd-ref-docs && touch $@

.PHONY: helm
helm: $(BIN)/helm

$(BIN)/helm: tools/helm/go.sum
	@echo "build helm"
	@cd tools/helm && GOWORK=off go build -o $@ helm.sh/helm/v3/cmd/helm && touch $@

$(BIN)/golangci-lint: tools/lint/go.sum
	@echo "build golangci-lint"
	@cd tools/lint && GOWORK=off go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint && touch $@

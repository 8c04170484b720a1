# The targets that CI calls. `make help` lists them.
SHELL := /bin/bash
CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASM_DIR := $(TARGET_DIR)/wasm32-wasip1/wasm
# The runner of the fixtures: kwctl where there is one, else our own host, which takes the same flags.
KWCTL ?= $(or $(shell command -v kwctl),$(TARGET_DIR)/debug/policy-host)
MAX_WASM_BYTES := 614400
# What a browser loads of the engine, compressed.
MAX_PLAYGROUND_BYTES := 450560
# Always here: the controller embeds it.
PLAYGROUND := target/playground
# Where it was built does not show in the policy, so that everybody's has the same digest (`make reproducible`).
REMAP := --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo --remap-path-prefix=$(CURDIR)=/landlord
# Debian's wasm-opt exports the wrong table of a module that holds references to JavaScript's objects; the playground has none to hold.
BROWSER_FLAGS := $(REMAP) -C target-feature=-reference-types
# What the container image holds: static, for the machine that builds it.
MUSL_TARGET := $(shell uname -m)-unknown-linux-musl
# For what is C: by default, aarch64's compiler is looked for by a name that Debian's musl-tools does not have.
MUSL_CC := CC_$(subst -,_,$(MUSL_TARGET))=musl-gcc
IMAGE_BINARY := $(TARGET_DIR)/image/landlord
MAX_IMAGE_BYTES := 25000000
IMAGE ?= ghcr.io/landlord-dev/landlord:dev
# Crates that `lint` need not check alone on this machine: the playground, as the policy, is checked alone for its own target; chaos, the API server in memory and the
# local cluster are imported by tests only, and checked with `scenarios`; policy-host (for which wasmtime would be checked anew) and accept-policy are built alone
# where they are used.
NOT_ALONE := playground chaos fake-apiserver local-cluster policy-host accept-policy
CLUSTER_KUBECONFIG := $(TARGET_DIR)/local-cluster/kubeconfig

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-zA-Z0-9._-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: policy.wasm
policy.wasm: ## Build the policy
	@scripts/install-tools wasm
	CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="$(REMAP)" $(CARGO) build -p landlord-policy --target wasm32-wasip1 --profile wasm
	@scripts/shrink-wasm $(WASM_DIR)/landlord_policy.wasm $@

.PHONY: annotated-policy.wasm
annotated-policy.wasm: policy.wasm policy-host ## Build the policy with its metadata, ready for kwctl and for a registry
	@if command -v kwctl >/dev/null; then annotate=kwctl; else annotate=$(TARGET_DIR)/debug/policy-host; fi; \
	$$annotate annotate --metadata-path policy-metadata.yml --usage-path docs/policy.md --output-path $@ policy.wasm

.PHONY: policy-host
policy-host:
	$(CARGO) build $(or $(PROGRAMS),-p policy-host)

# The commit that `landlord version` names; in other builds each commit would compile the crate anew.
install image-binary: export LANDLORD_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)

.PHONY: install
install: ## Build the command line and install it, the kubectl plugin, man pages and completions: make install PREFIX=~/.local
	$(CARGO) build --release --locked -p landlord
	@scripts/install $(TARGET_DIR)/release/landlord $(or $(PREFIX),$(HOME)/.local)

.PHONY: reference
reference: local-cluster ## Write docs/command-line.md from the command line itself
	@env -i $(TARGET_DIR)/debug/landlord reference markdown > docs/command-line.md

.PHONY: push
push: annotated-policy.wasm ## Publish the policy: make push REF=registry://ghcr.io/you/landlord-policy:v0.1.0 (ARGS= for more flags)
	@[ -n "$(REF)" ] || { echo "make push: say where to: REF=registry://HOST/NAME:TAG" >&2; exit 2; }
	@$(KWCTL) push $(ARGS) annotated-policy.wasm $(REF)

.PHONY: reproducible
reproducible: ## Build the policy in two folders and compare the bytes
	@scripts/check-reproducible

.PHONY: advisories
advisories: ## Known vulnerabilities of what is built in (asks databases on the network)
	$$(scripts/install-tools audit) audit
	cd crates/local-cluster/kubernetes && $$(../../../scripts/install-tools govulncheck) ./...

.PHONY: playground
playground: ## The playground as static files, in target/playground
	@scripts/install-tools wasm wasm-opt
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$(BROWSER_FLAGS)" $(CARGO) build -p playground --target wasm32-unknown-unknown --profile browser
	$(CARGO) build --quiet $(or $(PROGRAMS),-p playground-bundle)
	@rm -rf $(PLAYGROUND).new
	$(TARGET_DIR)/debug/playground-bundle $(TARGET_DIR)/wasm32-unknown-unknown/browser/playground.wasm $(PLAYGROUND).new
	@scripts/shrink-wasm $(PLAYGROUND).new/engine_bg.wasm $(PLAYGROUND).new/engine_bg.wasm --converge --low-memory-unused
# The programs embed the folder: only other bytes may make them be built again.
	@diff -rq $(PLAYGROUND).new $(PLAYGROUND) >/dev/null 2>&1 || { rm -rf $(PLAYGROUND) && cp -R $(PLAYGROUND).new $(PLAYGROUND); }
	@rm -rf $(PLAYGROUND).new
	@gzip -9c $(PLAYGROUND)/engine_bg.wasm >$(TARGET_DIR)/engine_bg.wasm.gz
	@scripts/check-size $(TARGET_DIR)/engine_bg.wasm.gz $(MAX_PLAYGROUND_BYTES)

.PHONY: dist
dist: annotated-policy.wasm image-binary ## What a release consists of, in target/dist, with SBOMs and checksums
	@scripts/install-tools helm bats
	@scripts/dist

.PHONY: dist-binary
dist-binary: image-binary ## The part of it that each architecture builds for itself: the command line, alone and packed
	@rm -rf $(TARGET_DIR)/dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) scripts/archive-binary $(IMAGE_BINARY) $(TARGET_DIR)/dist

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: lint
lint: annotated-policy.wasm ## Formatting, clippy, each crate alone, dependencies, the policy's size
	@scripts/install-tools lint wasm-opt
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
# With its own features, so that no crate lives by another's: minutes at first, as dependencies are checked anew for each set of them, then seconds.
	for crate in $(filter-out $(NOT_ALONE),$(notdir $(wildcard crates/*))); do $(CARGO) check --quiet -p $$crate || exit 1; done
	$(CARGO) clippy -p tenancy --features schema -- -D warnings
	$(CARGO) clippy -p landlord-policy --target wasm32-wasip1 -- -D warnings
	$(CARGO) clippy -p playground --target wasm32-unknown-unknown -- -D warnings
	$$(scripts/install-tools deny) --log-level error check licenses bans sources
	@scripts/check-size annotated-policy.wasm $(MAX_WASM_BYTES)
	@! grep -aoF -e "$(CURDIR)" -e "$(HOME)/.cargo" annotated-policy.wasm || { echo "the policy names a folder of this machine (docs/publishing.md)" >&2; exit 1; }

.PHONY: check
check: export PROGRAMS = --workspace --bins --tests
check: ## What to run before a commit: format, clippy, unit tests, and the integration tests that start no cluster and no browser
	@CARGO="$(CARGO)" scripts/check

.PHONY: test
# What is built for tests serves as programs as well: cargo would compile wasmtime and kube anew for each set of features.
test: export PROGRAMS = --workspace --bins --tests
test: annotated-policy.wasm kubernetes ## All tests that one machine can run; the last lines name what failed
	@scripts/install-tools helm bats browser axe wasm-opt zip curl >/dev/null
	@CARGO="$(CARGO)" scripts/test

.PHONY: e2e-tests
e2e-tests: annotated-policy.wasm kubernetes ## The fixtures by bats (KWCTL= chooses the runner)
	@scripts/install-tools bats
	KWCTL="$(abspath $(KWCTL))" POLICY="$(abspath annotated-policy.wasm)" LOCAL_CLUSTER="$(abspath $(TARGET_DIR)/debug/local-cluster)" bats e2e-tests

.PHONY: bench
bench: annotated-policy.wasm kubernetes ## Ratios against a ceiling in the same run, printed and written to docs/benchmarks.md
	@scripts/install-tools bats
	@scripts/bench

.PHONY: proof
proof: annotated-policy.wasm kubernetes ## The whole claim on a real cluster, in less than 15 minutes, written to docs/proof.md
	@scripts/proof

.PHONY: local-cluster
local-cluster:
	$(CARGO) build $(or $(PROGRAMS),-p policy-host -p scenarios -p landlord)

.PHONY: kubernetes
kubernetes: local-cluster ## Build etcd and Kubernetes, once (10 minutes), into a cache that `clean` leaves alone
	@$(TARGET_DIR)/debug/local-cluster build

.PHONY: compatibility
compatibility: annotated-policy.wasm local-cluster ## What works on which Kubernetes, measured, in docs/compatibility.md: make compatibility VERSIONS="1.33 1.37" (10 minutes more to build each, once)
	@CARGO="$(CARGO)" scripts/compatibility $(VERSIONS)

.PHONY: manifests
manifests: ## Write what is generated: deploy/, and the chart's definition, schema, alerts, dashboard and table of values
	@scripts/install-tools helm bats
	$(CARGO) build $(or $(PROGRAMS),-p landlord)
	scripts/render-manifests

.PHONY: chart
chart: ## The Helm chart as a package, in target/chart
	@scripts/install-tools helm
	scripts/helm lint --strict charts/landlord
	scripts/helm package charts/landlord --destination $(TARGET_DIR)/chart

.PHONY: image-binary
image-binary: playground ## The controller as the container image holds it: static, stripped, with dashboard and playground
	@scripts/install-tools musl
	$(MUSL_CC) $(CARGO) build --locked -p landlord --target $(MUSL_TARGET) --profile image
	@mkdir -p $(dir $(IMAGE_BINARY))
	@cp $(TARGET_DIR)/$(MUSL_TARGET)/image/landlord $(IMAGE_BINARY)
	@scripts/check-size $(IMAGE_BINARY) $(MAX_IMAGE_BYTES)
	@scripts/check-static $(IMAGE_BINARY)

.PHONY: image-check
image-check: image-binary kubernetes ## That the image's binary needs nothing else: it runs in an empty root directory (root or sudo)
	@scripts/check-image $(IMAGE_BINARY)

.PHONY: image
image: ## Build the container image (docker; IMAGE= names it)
	docker build --tag $(IMAGE) .

.PHONY: demo
demo: annotated-policy.wasm local-cluster ## The main job on a real cluster: where Pods land, with landlord and without (ARGS=--keep leaves it running)
	@$(TARGET_DIR)/debug/local-cluster demo $(ARGS)

.PHONY: storm
storm: annotated-policy.wasm local-cluster ## 1000 namespaces with a Pod each at once, in every mode and through failures: no Pod may stray (ARGS="-n 200")
	@$(TARGET_DIR)/debug/local-cluster storm $(ARGS)

.PHONY: chaos
chaos: annotated-policy.wasm local-cluster ## Random schedules of edits and faults for 15 minutes, in memory and on a cluster; the laws must hold (ARGS="--seed 7", ARGS=--help)
	@$(TARGET_DIR)/debug/local-cluster chaos $(ARGS)

.PHONY: soak
soak: local-cluster kubernetes ## Two controllers for an hour under churn and failovers: they must not grow (DURATION=30m, ARGS="-n 20"); a picture in target/soak
	@$(TARGET_DIR)/debug/local-cluster soak $(if $(DURATION),--duration=$(DURATION)) $(ARGS)

.PHONY: show-fixtures
show-fixtures: annotated-policy.wasm ## What the policy makes of ten requests, without a cluster
	@scripts/show-fixtures

.PHONY: cluster
cluster: annotated-policy.wasm local-cluster ## A real cluster with landlord in it, until Ctrl-C
	@$(TARGET_DIR)/debug/local-cluster start --link $(CLUSTER_KUBECONFIG) $(ARGS)

.PHONY: kubectl
kubectl: ## Talk to `make cluster`: make kubectl ARGS="get namespaces"
	@$$($(TARGET_DIR)/debug/local-cluster build)/kubectl --kubeconfig $(CLUSTER_KUBECONFIG) $(ARGS)

.PHONY: book
book: playground ## Build the book from docs/ into target/book (docs/SUMMARY.md is its contents), with the playground in it
	$$(scripts/install-tools mdbook) build docs
	cp -R $(PLAYGROUND) $(TARGET_DIR)/book/playground

.PHONY: screenshots
screenshots: ## Take the documentation's pictures of the dashboard from the running page
	@scripts/screenshots

.PHONY: docs-generated
docs-generated: ## Write what docs/ has from the code: docs/settings.md, docs/failed-writes.md
	UPDATE_DOCS=1 $(CARGO) test --quiet -p landlord --test it -- docs::settings failed_writes

.PHONY: fuzz
fuzz: ## Every fuzz target, or TARGETS="policy hooks", for DURATION= seconds each (600)
	scripts/fuzz $(or $(DURATION),600) $(TARGETS)

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
	rm -f policy.wasm annotated-policy.wasm

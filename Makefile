# The commands of a day. `make` alone lists them; CONTRIBUTING.md says which to use when.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

CLUSTER := tests/cluster/cluster
KUBECONFIG := $(CURDIR)/.cluster/kubeconfig
KUBECTL := $(CURDIR)/.cluster/bin/kubectl --kubeconfig $(KUBECONFIG)
TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# A target of its own keeps the flags away from build scripts and procedural macros, which cannot be static.
STATIC_TARGET := $(shell uname -m)-unknown-linux-gnu
BINARY := $(TARGET_DIR)/$(STATIC_TARGET)/release/tairyo
IMAGES := .images/tairyo.tar .images/tairyo-wordpress.tar .images/tairyo-mariadb.tar

export KUBECONFIG

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: cluster-up images ## A real cluster, the operator, a sample site, and its page fetched
	@deploy/demo/up

.PHONY: demo-aws
demo-aws: cluster-up images ## The same with managed parts of AWS, in an emulated account
	@deploy/demo/up aws

.PHONY: demo-down
demo-down: ## Remove the sample sites and stop the cluster
	@deploy/demo/down

.PHONY: build
build: ## Build the static release binary
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target $(STATIC_TARGET)

.PHONY: images
images: build ## Build the three images into .images
	runtime/images.sh
	runtime/images.sh tairyo $(BINARY)

.PHONY: cluster-up
cluster-up: ## Start the one-node cluster (CONTROL_PLANE_ONLY=1: etcd and the API server alone)
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Stop the cluster and remove its state
	$(CLUSTER) down

.PHONY: install
install: cluster-up images ## Load the images and install the operator into the cluster
	deploy/demo/install

.PHONY: generate
generate: ## Write the generated files that are committed
	cargo run --quiet -- crds --directory crds
	cargo run --quiet -- crds --reference > docs/api.md
	charts/generate
	deploy/argocd/generate

.PHONY: test
test: lint test-fast test-templates test-chart test-api test-aws test-runtime test-e2e test-chart-life test-argocd test-browser ## Everything, in the order of how fast it fails

.PHONY: lint
lint: ## Formats, lints, shell scripts, licences
	cargo fmt --check
	cargo clippy --all-targets --locked -- --deny warnings
	tests/lint

.PHONY: test-fast
test-fast: ## Unit tests and the rules of the house: seconds after a build, no cluster
	cargo test --locked --lib --test fast

.PHONY: test-api
test-api: ## The rules of the API on a real API server of their own
	cargo test --locked --test api

.PHONY: test-chart
test-chart: ## The chart with Helm 3 and 4, on an API server of its own
	tests/chart/run

.PHONY: test-chart-life
test-chart-life: install ## A site through upgrade, removal and another installation of the chart
	tests/chart/life

.PHONY: test-templates
test-templates: ## The templates of the AWS units, by cfn-lint, checkov and the published schemas
	tests/templates/run

.PHONY: test-aws
test-aws: ## CloudFormation over the wire: an emulator, and a proxy that makes faults
	cargo test --locked --test aws

.PHONY: test-runtime
test-runtime: ## The WordPress and MariaDB images with a real database
	runtime/images.sh
	runtime/tests/run

.PHONY: test-e2e
test-e2e: install ## Sites on the real cluster: life, faults, input
	trap 'tests/emulator/emulator down' EXIT; \
	cargo test --locked --test e2e -- --test-threads 3 --skip alone:: && \
	cargo test --locked --test e2e -- --test-threads 1 alone::

.PHONY: test-argocd
test-argocd: install ## A real Argo CD on the real cluster, and its rules of health and actions
	tests/argocd/run

.PHONY: test-browser
test-browser: install ## A person at wp-admin, in a headless Chromium
	tests/browser/run

.PHONY: bench
bench: install ## Measure beside a floor in the same run; results go to docs/benchmarks.md by hand
	benches/run

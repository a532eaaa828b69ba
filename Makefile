# What one does with Needletail, a word each: `make` lists them.

PREFIX ?= /usr/local

# The product is one file: Swift's libraries inside, SentencePiece's where `make install` puts them.
# lld is quiet about what Swift's own libraries call.
product := -c release --product needletail --static-swift-stdlib -Xswiftc -use-ld=lld \
	-Xlinker -rpath -Xlinker '$$ORIGIN/../lib/needletail'
# Tests compute a lot, so they are release builds too, beside the product: other flags, other folder.
tests := -c release -Xswiftc -enable-testing --scratch-path .build/tests

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Train, evaluate and sample a model on a real book (DEMO_SECONDS=150 of training)
	@Scripts/demo.sh

test: bootstrap ## Run every test
	swift test $(tests)

build: bootstrap ## Build .build/release/needletail
	swift build $(product) $(FLAGS)

# What Scripts/checks/mpi.sh runs under mpirun.
build-checks:
	swift build -c release --product CollectivesCheck --static-swift-stdlib -Xswiftc -use-ld=lld

lint: ## Check the style of all Swift sources
	swift format lint --strict --recursive Package.swift Sources Tests Benchmarks

bench: build ## Time training steps beside PyTorch (where Scripts/oracles/setup.sh made it)
	@Scripts/bench.sh

install: build ## Install under PREFIX=/usr/local; the folder can be moved afterwards
	@Scripts/install.sh "$(PREFIX)"

clean: ## Remove what was built; demo-run/ stays
	rm -rf .build

bootstrap: ## Install the system's libraries where they are missing
	@Scripts/bootstrap.sh

.PHONY: help demo test build build-checks lint bench install clean bootstrap

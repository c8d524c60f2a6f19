# Every way to build, try and check Poplin. Each target installs what it lacks and says so.
# ARGS goes to the program behind a target: make test ARGS="--filter Overlay"

RELEASE := -c release --static-swift-stdlib --product poplin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build debug demo test fuzz check format bench bench-check soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## a release binary that needs no Swift on the host; prints its path
	@scripts/install-dependencies build
	@swift build $(RELEASE)
	@echo "$$(swift build $(RELEASE) --show-bin-path)/poplin"

debug: ## a debug binary; prints its path
	@scripts/install-dependencies build
	@swift build --product poplin
	@echo "$$(swift build --show-bin-path)/poplin"

demo: ## three virtual hosts, an agent on each, packets between them; cleans up after itself
	@scripts/install-dependencies demo
	@swift build $(RELEASE)
	@scripts/as-root "$$(swift build $(RELEASE) --show-bin-path)/poplin" lab demo $(ARGS)

test: ## all checks, then all tests; its last lines are the test runner's summary
	@scripts/install-dependencies test
	@scripts/check
	@scripts/test $(ARGS)

fuzz: ## the fuzz tests for a minute with new numbers; ARGS="--seconds 300 --release" for longer and faster
	@scripts/install-dependencies build
	@scripts/fuzz $(ARGS)

check: ## formatting, import rule and habits, and that these checks catch what they should
	@scripts/install-dependencies build
	@scripts/check --self-test
	@scripts/check

format: ## formats all Swift sources in place
	@scripts/check --list | tr '\n' '\0' \
		| xargs -0 -r swift format format --in-place --parallel --configuration .swift-format

bench: ## the benchmarks of the control side, ten minutes, into docs/figures; ARGS="resync rest" for some, ARGS=paths
	@scripts/install-dependencies bench
	@scripts/bench-all $(ARGS)

bench-check: ## fails where a function takes more instructions than it did; ARGS=--update takes what it takes now
	@scripts/install-dependencies bench-check
	@scripts/bench-check $(ARGS)

soak: ## ten minutes of full load, garbage and a peer that comes and goes; ARGS="--minutes 1" for less
	@scripts/install-dependencies bench
	@scripts/bench-all soak $(ARGS)

clean: ## removes what was built
	@rm -rf .build Benchmarks/.build

